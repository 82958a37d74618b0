import { SlipwayError } from "../sdk/error";

/**
 * Reads `90%` or `90`.
 *
 * @throws SlipwayError USAGE
 */
export function parsePercent(flag: string, text: string): number {
  const percent = /^(\d{1,3})%?$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return Number(percent);
  throw usage(flag, text, "Write a share from 0% to 100%.");
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads `90s`, `15m`, `2h`, `1d`; milliseconds.
 *
 * @throws SlipwayError USAGE
 */
export function parseDuration(flag: string, text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (amount !== undefined && factor !== undefined) return Number(amount) * factor;
  throw usage(flag, text, "Write a number with ms, s, m, h or d, for example 15m.");
}

function usage(flag: string, text: string, hint: string): SlipwayError {
  return new SlipwayError({ code: "USAGE", text: `${flag} ${JSON.stringify(text)} cannot be read.`, hint });
}
