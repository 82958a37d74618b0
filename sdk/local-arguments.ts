import { checkNonEmpty, checkOptions, fail, type Call } from "./arguments";
import { describeError } from "./error";
import { statSource, toSource, type PathKind } from "./files";

/** What a method wants a path to be. */
type Wanted = "file" | "dir" | "requirements";

/** A local path of the right kind, as it is kept in a spec: relative to the program's folder. */
export function checkSource(call: Call, path: unknown, wanted: Wanted): string {
  const given = path instanceof URL ? path : checkNonEmpty(call, "the path", path);
  if (given instanceof URL && given.protocol !== "file:") {
    throw fail(call, `${given.protocol} is not a local file.`, "Give a path or a file: URL.");
  }
  const folder = process.cwd();
  const source = toSource(given, folder);
  const found = lookAt(call, source, folder);
  if (found === (wanted === "dir" ? "dir" : "file")) return source;
  throw fail(call, describePath(String(given), found, folder), hintPath(found, wanted), "LOCAL_PATH");
}

/** What the file system does not even look for, like a name that is too long, is the user's mistake, too. */
function lookAt(call: Call, source: string, folder: string): PathKind {
  try {
    return statSource(source, folder);
  } catch (cause) {
    throw fail(
      call,
      `the path cannot be looked at: ${describeError(cause)}.`,
      "Give a shorter or readable path.",
      "LOCAL_PATH",
    );
  }
}

export type Strategy = "mount" | "copy";

export function checkLocalOptions(call: Call, options: unknown): Strategy {
  const { strategy = "mount" } = checkOptions(call, options, ["strategy"]);
  if (strategy === "mount" || strategy === "copy") return strategy;
  throw fail(call, "the strategy is not known.", 'Give { strategy: "mount" } or { strategy: "copy" }.');
}

function describePath(path: string, found: PathKind, folder: string): string {
  switch (found) {
    case "missing":
      return `${path} does not exist (looked in ${folder}).`;
    case "dir":
      return `${path} is a folder.`;
    case "file":
      return `${path} is a file.`;
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
    case "other":
      return "Only files and folders can be in an image.";
  }
}
