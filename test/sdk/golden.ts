import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ResolvedSpec } from "../../sdk/spec";

const folder = join(__dirname, "../golden");

/** One case of test/golden/image-*.json. */
export interface ImageCase {
  readonly spec: ResolvedSpec;
  readonly hash: string;
  readonly prefixes: readonly string[];
  /** Line by line; the last one is empty. */
  readonly dockerfile: readonly string[];
}

export function readImageCase(name: string): ImageCase {
  return JSON.parse(readFileSync(join(folder, `image-${name}.json`), "utf8"));
}

export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
}

/** One case of test/golden/import-*.json: an image on a Dockerfile. */
export interface ImportCase extends ImageCase {
  /** What stands in the place of a base's digest. */
  readonly form: readonly unknown[];
}

export function readImportCase(name: string): ImportCase {
  return JSON.parse(readFileSync(join(folder, `import-${name}.json`), "utf8"));
}

export const importCases = readdirSync(folder)
  .flatMap((name) => /^import-(.*)\.json$/.exec(name)?.[1] ?? [])
  .sort();

export const imageCases = readdirSync(folder)
  .flatMap((name) => /^image-(.*)\.json$/.exec(name)?.[1] ?? [])
  .sort();
