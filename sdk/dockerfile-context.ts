import type { ContextRead } from "./dockerfile-reads";
import { DockerfileProblem } from "./dockerfile-stages";
import { joinPath, readUtf8 } from "./files";
import { IgnoreRules, parseIgnoreFile } from "./ignore";
import { readEntry, readNames, toTree } from "./list-tree";
import type { Tree, TreeEntry } from "./tree";

/** As many links in a row as Linux follows. */
const MAX_LINKS = 40;

/** Where an import's files are, absolute. */
export interface ImportFolders {
  readonly dockerfile: string;
  readonly context: string;
}

/**
 * Lists what the reads find in the context, by the Dockerfile's ignore rules: paths are those of the context. A link
 * on the way to a source is followed, so it and what it leads to are in the tree; nothing outside of the context is.
 *
 * @throws DockerfileProblem, SlipwayError LOCAL_PATH
 */
export function listContext(reads: readonly ContextRead[], folders: ImportFolders): Tree {
  const walk: Walk = { folder: folders.context, rules: readRules(folders), entries: new Map() };
  for (const read of reads) {
    const found = follow(walk, read, { at: "", parts: partsOf(startOf(read)), links: 0 });
    if (!found && !mayBeMissing(read)) throw missing(walk, read);
  }
  return toTree(walk.entries.values());
}

interface Walk {
  readonly folder: string;
  readonly rules: IgnoreRules;
  readonly entries: Map<string, TreeEntry>;
}

/** `<Dockerfile>.dockerignore` stands in the place of the context's own. */
function readRules({ dockerfile, context }: ImportFolders): IgnoreRules {
  const path = [`${dockerfile}.dockerignore`, joinPath(context, ".dockerignore")].find(
    (candidate) => readEntry(candidate, "")?.type === "file",
  );
  return new IgnoreRules(path === undefined ? [] : parseIgnoreFile(readUtf8(path) ?? ""));
}

function startOf(read: ContextRead): string {
  if (read.below === undefined || hasWildcard(read.below)) return read.path;
  return read.path === "." ? read.below : `${read.path}/${read.below}`;
}

function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** A pattern may match nothing; a path has to be there. */
function mayBeMissing(read: ContextRead): boolean {
  return read.isExact !== true && (hasWildcard(read.path) || hasWildcard(read.below ?? ""));
}

interface Position {
  /** Where the walk is; empty at the context's root. */
  readonly at: string;
  readonly parts: readonly string[];
  readonly links: number;
}

/** Whether something was found. */
function follow(walk: Walk, read: ContextRead, { at, parts, links }: Position): boolean {
  const [first, ...rest] = parts;
  if (first === undefined) return take(walk, read, at);
  const isPattern = read.isExact !== true && hasWildcard(first);
  const names = isPattern ? matchingNames(walk, at, first) : [read.isExact === true ? first : unescape(first)];
  let isFound = false;
  for (const name of names) {
    const path = at === "" ? name : `${at}/${name}`;
    const entry = readVisible(walk, path);
    if (entry?.type === "link") {
      if (links === MAX_LINKS) throw loop(read, path);
      add(walk, entry);
      const target = [...linkTarget(path, entry.target), ...rest];
      if (follow(walk, read, { at: "", parts: target, links: links + 1 })) isFound = true;
    } else if (entry !== undefined && (entry.type === "dir" || rest.length === 0)) {
      if (follow(walk, read, { at: path, parts: rest, links })) isFound = true;
    }
  }
  return isFound;
}

function matchingNames(walk: Walk, at: string, pattern: string): readonly string[] {
  const expression = toExpression(pattern);
  if (readVisible(walk, at)?.type !== "dir") return [];
  return readNames(joinPath(walk.folder, at), at).filter((name) => expression.test(name));
}

/** Nothing where a path is ignored, unless it is a folder of something that is not. */
function readVisible(walk: Walk, path: string): TreeEntry | undefined {
  if (path === "") return { type: "dir", path };
  const entry = readEntry(joinPath(walk.folder, path), path);
  if (entry === undefined || !walk.rules.ignores(path)) return entry;
  return entry.type === "dir" && walk.rules.mayIncludeBelow(path) && hasVisible(walk, path) ? entry : undefined;
}

function hasVisible(walk: Walk, folder: string): boolean {
  return readNames(joinPath(walk.folder, folder), folder).some(
    (name) => readVisible(walk, `${folder}/${name}`) !== undefined,
  );
}

/** Escapes stand before any character, as in Go's filepath.Match. */
function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text.replace(/\\[\s\S]/g, ""));
}

function unescape(text: string): string {
  return text.replace(/\\([\s\S])/g, "$1");
}

/** A pattern of Go's filepath.Match for one name. */
function toExpression(pattern: string): RegExp {
  const source = pattern.replace(
    /\\([\s\S])|\[(\^?)((?:\\[\s\S]|[^\]\\])+)\]|[\s\S]/g,
    (part, escaped: string | undefined, not: string | undefined, set: string | undefined) => {
      if (escaped !== undefined) return literal(escaped);
      if (set !== undefined)
        return `[${not ?? ""}${set.replace(/\\([\s\S])|[[\]^]/g, (char, inner: string | undefined) => `\\${inner ?? char}`)}]`;
      return part === "*" ? "[^/]*" : part === "?" ? "[^/]" : literal(part);
    },
  );
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    // Go takes what it cannot read for something that matches nothing.
    return /^(?!)/;
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** From the context's root on, which nothing leaves. Written so that no pattern is seen in a link's text. */
function linkTarget(path: string, target: string): readonly string[] {
  const start = target.startsWith("/") ? [] : path.split("/").slice(0, -1);
  const parts = [...start];
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part.replace(/[\\*?[]/g, "\\$&"));
  }
  return parts;
}

/** Takes a file, or a folder with all that the read wants of it. */
function take(walk: Walk, read: ContextRead, path: string): boolean {
  const entry = readVisible(walk, path);
  if (entry === undefined) return false;
  if (path !== "") add(walk, entry);
  if (entry.type !== "dir") return true;
  const below = read.below !== undefined && hasWildcard(read.below) ? new IgnoreRules([read.below]) : undefined;
  takeFolder(walk, path, "", { below, exclude: new IgnoreRules(read.exclude ?? []) });
  return true;
}

interface Wanted {
  /** Matches what is taken. */
  readonly below: IgnoreRules | undefined;
  readonly exclude: IgnoreRules;
}

function takeFolder(walk: Walk, path: string, inside: string, wanted: Wanted): void {
  for (const name of [...readNames(joinPath(walk.folder, path), path)].sort()) {
    const entry = readVisible(walk, path === "" ? name : `${path}/${name}`);
    if (entry === undefined) continue;
    const relative = `${inside}${name}`;
    const isTaken = wanted.below?.ignores(relative) !== false && !wanted.exclude.ignores(relative);
    if (isTaken) add(walk, entry);
    const mayHold = isTaken || wanted.below !== undefined || wanted.exclude.mayIncludeBelow(relative);
    if (entry.type === "dir" && mayHold) takeFolder(walk, entry.path, `${relative}/`, wanted);
  }
}

function add(walk: Walk, entry: TreeEntry): void {
  walk.entries.set(entry.path, entry);
  const parts = entry.path.split("/");
  for (let count = 1; count < parts.length; count += 1) {
    const path = parts.slice(0, count).join("/");
    if (!walk.entries.has(path)) walk.entries.set(path, { type: "dir", path });
  }
}

function missing(walk: Walk, read: ContextRead): DockerfileProblem {
  const path = startOf(read);
  const isIgnored = readEntry(joinPath(walk.folder, path), path) !== undefined;
  return new DockerfileProblem(
    read.line,
    isIgnored ? `the ignore rules leave ${path} out.` : `there is no ${path} in the context.`,
    isIgnored ? "Mend .dockerignore, or the instruction." : "Sources are relative to the context and cannot leave it.",
    "LOCAL_PATH",
  );
}

function loop(read: ContextRead, path: string): DockerfileProblem {
  return new DockerfileProblem(read.line, `${path} is a link that leads to itself.`, "Mend the link.", "LOCAL_PATH");
}
