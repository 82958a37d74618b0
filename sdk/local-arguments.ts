import { checkList, checkNonEmpty, checkOptions, checkString, fail, type Call } from "./arguments";
import { describeError, SlipwayError } from "./error";
import { statSource, toSource, type PathKind } from "./files";
import { cleanPatterns, IgnoreRules } from "./ignore";
import type { SelectionOptions } from "./selection";

/** What a method wants a path to be. */
type Wanted = "file" | "dir" | "requirements";

/** A local path of the right kind, as it is kept in a spec: relative to the program's folder. */
export function checkSource(call: Call, path: unknown, wanted: Wanted): string {
  const given = path instanceof URL ? path : checkNonEmpty(call, "the path", path);
  if (given instanceof URL && given.protocol !== "file:") {
    throw fail(call, `${given.protocol} is not a local file.`, "Give a path or a file: URL.");
  }
  const folder = process.cwd();
  const source = sourceOf(call, given, folder);
  const found = statSource(source, folder);
  if (found === (wanted === "dir" ? "dir" : "file")) return source;
  throw fail(call, describePath(String(given), found, folder), hintPath(found, wanted), "LOCAL_PATH");
}

function sourceOf(call: Call, given: string | URL, folder: string): string {
  try {
    return toSource(given, folder);
  } catch (error) {
    const { text, hint } = error instanceof SlipwayError ? error : { text: `${describeError(error)}.`, hint: "" };
    throw fail(call, text, hint, "LOCAL_PATH");
  }
}

export type Strategy = "mount" | "copy";

export function checkLocalOptions(call: Call, options: unknown): Strategy {
  return checkStrategy(call, checkOptions(call, options, ["strategy"]));
}

interface DirOptions {
  readonly strategy: Strategy;
  readonly selection: SelectionOptions;
}

/** The options of a folder; what was left out or is empty is not in the spec. */
export function checkDirOptions(call: Call, options: unknown): DirOptions {
  const given = checkOptions(call, options, ["strategy", "ignore", "include"]);
  const strategy = checkStrategy(call, given);
  const ignore = checkPatterns(call, "ignore", given["ignore"]);
  const include = checkPatterns(call, "include", given["include"]);
  const exception = include.find((pattern) => pattern.startsWith("!"));
  if (exception !== undefined) {
    const hint = "Name what is to be copied; ignore leaves out of it.";
    throw fail(call, `include has the exception ${JSON.stringify(exception)}.`, hint);
  }
  const selection = { ...(ignore.length > 0 && { ignore }), ...(include.length > 0 && { include }) };
  return { strategy, selection };
}

function checkStrategy(call: Call, { strategy = "mount" }: Readonly<Record<string, unknown>>): Strategy {
  if (strategy === "mount" || strategy === "copy") return strategy;
  throw fail(call, "the strategy is not known.", 'Give { strategy: "mount" } or { strategy: "copy" }.');
}

function checkPatterns(call: Call, name: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const patterns = cleanPatterns(checkList(call, name, value, (place, pattern) => checkString(call, place, pattern)));
  try {
    // Made for its refusals alone.
    void new IgnoreRules(patterns);
    return patterns;
  } catch (error) {
    if (error instanceof SlipwayError) throw fail(call, `${name}: ${error.text}`, error.hint);
    throw error;
  }
}

function describePath(path: string, found: PathKind, folder: string): string {
  switch (found) {
    case "missing":
      return `${path} does not exist (looked in ${folder}).`;
    case "dir":
      return `${path} is a folder.`;
    case "file":
      return `${path} is a file.`;
    case "loop":
      return `${path} is a link that leads back to itself.`;
    case "unreadable":
      return `${path} cannot be looked at (in ${folder}).`;
    case "other":
      return `${path} is neither a file nor a folder.`;
  }
}

function hintPath(found: PathKind, wanted: Wanted): string {
  switch (found) {
    case "missing":
      return "Paths are relative to the program's folder.";
    case "dir":
      return wanted === "requirements" ? "Name the file in it." : "Use addLocalDir for a folder.";
    case "file":
      return "Use addLocalFile for a file.";
    case "loop":
      return "Let it lead to a file or a folder.";
    case "unreadable":
      return "See that this user may enter the folders above it.";
    case "other":
      return "Only files and folders can be in an image.";
  }
}
