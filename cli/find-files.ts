import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { SlipwayError } from "../sdk/error";

/** The files that a word of the command line names. */
export interface FoundFiles {
  /** Relative to where the user is, or absolute where the word is; sorted. */
  readonly files: readonly string[];
  /** Whether the word is a pattern. */
  readonly isPattern: boolean;
}

/**
 * Finds what a path or a pattern names. A pattern (`*`, `**`, `?`, `[…]`, `{a,b}`) looks neither into node_modules nor
 * into folders that begin with a dot; a file that is called like one is that file.
 *
 * @throws SlipwayError PROGRAM_FILE, where a pattern matches nothing
 */
export async function findFiles(word: string, cwd: string): Promise<FoundFiles> {
  if (existsSync(resolve(cwd, word))) return { files: [word], isPattern: false };
  const { glob, isDynamicPattern } = await import("tinyglobby");
  if (!isDynamicPattern(word)) return { files: [word], isPattern: false };
  const found = await glob(word, {
    cwd,
    absolute: isAbsolute(word),
    expandDirectories: false,
    ignore: ["**/node_modules/**"],
  });
  if (found.length === 0) {
    const hint = "A pattern is relative to the current folder, and matches nothing in node_modules.";
    throw new SlipwayError({ code: "PROGRAM_FILE", text: `${word}: no file matches (looked in ${cwd}).`, hint });
  }
  return { files: found.sort(), isPattern: true };
}
