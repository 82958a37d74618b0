import { appendFileSync } from "node:fs";

/** How much of it a test does: `npm run test:deep` gives the full count in this variable. */
export function countOf(variable: string, sample: number): number {
  const given = process.env[variable];
  return given === undefined ? sample : Number(given);
}

/** Always the same in `npm test`, so that it never fails by chance; another one in every `npm run test:deep`. */
export const seed = Number(process.env["DEEP_SEED"] ?? 1);

/** Tells seed and counts: at the end of `npm run test:deep`, which gives a file for it, else at once. */
export function tellCounts(line: string): void {
  const file = process.env["DEEP_REPORT"];
  if (file === undefined) console.log(line);
  else appendFileSync(file, `${line}\n`);
}
