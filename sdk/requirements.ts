import { SlipwayError } from "./error";
import { joinPath, readTextFile, statSource } from "./files";
import { listFiles } from "./list-tree";
import type { Tree } from "./tree";

/** Stands for the folders above the program's: their names differ from machine to machine. */
const UP = "_";

/**
 * A requirements file with those that it names by -r and -c, in the tree as they lie to each other: under the deepest
 * folder that holds them all. Where that is above the program's folder, `_` stands for each folder in between.
 */
export function listRequirements(source: string, folder: string): { readonly tree: Tree; readonly entry: string } {
  const first = normalize(source);
  const found = new Set<string>();
  const pending = [first];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path)) continue;
    if (statSource(path, folder) !== "file")
      throw refusal(`${path} is not there or no file.`, "Paths in it are relative to itself.");
    found.add(path);
    pending.push(...includedFiles(path, readTextFile(joinPath(folder, path))));
  }
  const height = Math.max(...[...found].map(countUps));
  const raised = (path: string): readonly string[] => {
    const ups = countUps(path);
    return [...Array.from({ length: height - ups }, () => UP), ...path.split("/").slice(ups)];
  };
  const parents = [...found].map((path) => raised(path).slice(0, -1));
  const common = parents.reduce((a, b) => a.slice(0, commonLength(a, b)));
  const inTree = (path: string): string => raised(path).slice(common.length).join("/");
  return {
    tree: listFiles(new Map([...found].map((path) => [inTree(path), joinPath(folder, path)]))),
    entry: inTree(first),
  };
}

/** The options are those of pip's requirements file format; a local project is what the build cannot see. */
function includedFiles(path: string, text: string): readonly string[] {
  const parent = path.split("/").slice(0, -1);
  return logicalLines(text).flatMap(({ line, number }) => {
    const place = `${path}:${number}`;
    if (isLocalProject(line)) {
      throw refusal(
        `${place}: ${line} is a local project, which the build does not see.`,
        'Copy it with addLocalDir(…, { strategy: "copy" }) and install it with runCommands("pip install …").',
      );
    }
    const included = /^(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s*)(\S.*)$/
      .exec(line)?.[1]
      ?.replace(/^(["'])(.*)\1$/, "$2");
    if (included === undefined || /^https?:/.test(included)) return [];
    if (included.startsWith("/") || included.startsWith("file:")) {
      throw refusal(
        `${place}: ${included} is an absolute path, which the build does not have.`,
        "Write it relative to this file.",
      );
    }
    return [normalize([...parent, included].join("/"))];
  });
}

/** Lines as pip joins them (req_file.join_lines): a comment's last backslash continues nothing. */
function logicalLines(text: string): readonly { readonly line: string; readonly number: number }[] {
  const lines: { line: string; number: number }[] = [];
  let open: { line: string; number: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const isComment = /^\s*#/.test(raw);
    const line = (open?.line ?? "") + (isComment ? "" : raw.replace(/\\$/, ""));
    const joined = { line, number: open?.number ?? index + 1 };
    if (!isComment && raw.endsWith("\\")) {
      open = joined;
      continue;
    }
    open = undefined;
    lines.push({ ...joined, line: line.replace(/(^|\s)#.*$/, "").trim() });
  }
  return open === undefined ? lines : [...lines, { ...open, line: open.line.trim() }];
}

function isLocalProject(line: string): boolean {
  const editable = /^(?:-e|--editable)(?:\s*=\s*|\s+)(.*)$/.exec(line)?.[1];
  if (editable !== undefined) return !/^(git|hg|svn|bzr)\+/.test(editable);
  // A specifier has no slash before its URL.
  return /(^|@\s*)file:|^[^\s@:;[<>=!~-][^\s@:;[<>=!~]*\/|^\//.test(line) || /^[^\s:@]+\.whl$/.test(line);
}

function refusal(text: string, hint: string): SlipwayError {
  return new SlipwayError({ code: "LOCAL_PATH", text, hint });
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  const first = a.findIndex((part, index) => part !== b[index]);
  return first < 0 ? a.length : first;
}

function countUps(path: string): number {
  return path.split("/").filter((part) => part === "..").length;
}

/** Only the first parts of what it gives are `..`. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    const last = parts.at(-1);
    if (part === "." || (part === "" && parts.length > 0)) continue;
    if (part === ".." && last !== undefined && last !== ".." && last !== "") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}
