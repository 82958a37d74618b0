import type { ContextRead } from "./dockerfile-reads";
import { DockerfileProblem } from "./dockerfile-stages";
import { SlipwayError } from "./error";
import { joinPath, Pace, readUtf8, refusal, statSource } from "./files";
import { IgnoreRules, parseIgnoreFile } from "./ignore";
import { readChildren, readEntry, toTree, type Child } from "./list-tree";
import { escapeSource, hasWildcard, toExpression, unescapeSource } from "./source-pattern";
import type { Tree, TreeEntry, TreeWatch } from "./tree";

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
 * What is not read may be a socket, unreadable or anything.
 *
 * @throws DockerfileProblem, SlipwayError LOCAL_PATH
 */
export async function listContext(
  reads: readonly ContextRead[],
  folders: ImportFolders,
  watch: TreeWatch = {},
): Promise<Tree> {
  const pace = new Pace(watch);
  const walk: Walk = {
    folder: folders.context,
    ...readRules(folders),
    entries: new Map(),
    seen: new Map(),
    pace,
    found: 0,
  };
  const done = new Set<string>();
  for (const read of reads) {
    if (done.has(keyOf(read))) continue;
    done.add(keyOf(read));
    const found = await atLine(walk, read, () =>
      follow(walk, read, { at: "", parts: partsOf(startOf(read)), links: 0 }),
    );
    if (!found && !mayBeMissing(read)) throw missing(walk, read);
  }
  return toTree(walk.entries.values(), pace);
}

interface Walk {
  readonly folder: string;
  readonly rules: IgnoreRules;
  /** Where the rules are, or could be. */
  readonly ignoreFile: string;
  readonly entries: Map<string, TreeEntry>;
  /** Of folders that are ignored: whether something in them is not. */
  readonly seen: Map<string, boolean>;
  readonly pace: Pace;
  /** How many files and folders were found so far. */
  found: number;
}

/** What a read takes, wherever it stands: several stages often read the same. */
export function keyOf({ path, below, exclude, isExact }: ContextRead): string {
  return JSON.stringify([path, below ?? null, exclude ?? [], isExact ?? false]);
}

/** `<Dockerfile>.dockerignore` stands in the place of the context's own. */
function readRules({ dockerfile, context }: ImportFolders): Pick<Walk, "rules" | "ignoreFile"> {
  const path = [`${dockerfile}.dockerignore`, joinPath(context, ".dockerignore")].find(
    (candidate) => readEntry(candidate, "")?.type === "file",
  );
  const ignoreFile = path?.replace(/^.*[\\/]/, "") ?? ".dockerignore";
  if (path === undefined) return { rules: new IgnoreRules([]), ignoreFile };
  try {
    return { rules: new IgnoreRules(parseIgnoreFile(readUtf8(path) ?? "")), ignoreFile };
  } catch (cause) {
    if (!(cause instanceof SlipwayError)) throw cause;
    throw refusal(ignoreFile, cause.text, cause.hint ?? "", cause);
  }
}

/** What is wrong with a file is told at the line that reads it. */
async function atLine<T>({ ignoreFile }: Walk, read: ContextRead, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof SlipwayError)) throw cause;
    const hint = `${cause.hint ?? ""} Or leave it out, in ${ignoreFile}.`.trimStart();
    throw new DockerfileProblem(read.line, cause.text, hint, "LOCAL_PATH", cause);
  }
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
async function follow(walk: Walk, read: ContextRead, { at, parts, links }: Position): Promise<boolean> {
  const [first, ...rest] = parts;
  if (first === undefined) return take(walk, read, at);
  const isPattern = read.isExact !== true && hasWildcard(first);
  const names = isPattern
    ? await matchingNames(walk, at, first)
    : [read.isExact === true ? first : unescapeSource(first)];
  let isFound = false;
  for (const name of names) {
    if (walk.pace.isDue()) await pause(walk);
    const path = joinNames(at, name);
    const entry = await readVisible(walk, path);
    if (entry?.type === "link") {
      if (links === MAX_LINKS) throw loop(read, path);
      add(walk, entry);
      const target = [...linkTarget(path, entry.target), ...rest];
      if (await follow(walk, read, { at: "", parts: target, links: links + 1 })) isFound = true;
    } else if (entry !== undefined && (entry.type === "dir" || rest.length === 0)) {
      if (await follow(walk, read, { at: path, parts: rest, links })) isFound = true;
    }
  }
  return isFound;
}

async function matchingNames(walk: Walk, at: string, pattern: string): Promise<readonly string[]> {
  const expression = toExpression(pattern);
  if ((await readVisible(walk, at))?.type !== "dir") return [];
  const matching = (await childrenOf(walk, at)).filter(({ name }) => expression.test(name));
  return matching
    .filter((child) => fateOf(walk, joinNames(at, child.name), child.isFolder) !== "leave")
    .map(nameOf(at));
}

/** From the context's root on, which nothing leaves. Written so that no pattern is seen in a link's text. */
function linkTarget(path: string, target: string): readonly string[] {
  const start = target.startsWith("/") ? [] : path.split("/").slice(0, -1);
  const parts = [...start];
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(escapeSource(part));
  }
  return parts;
}

/** Nothing where a path is ignored, unless it is a folder of something that is not. */
async function readVisible(walk: Walk, path: string): Promise<TreeEntry | undefined> {
  if (path === "") return { type: "dir", path };
  if (fateOf(walk, path, true) === "leave") return undefined;
  const entry = readEntry(joinPath(walk.folder, path), path);
  return entry !== undefined && (await isVisible(walk, path, entry.type === "dir")) ? entry : undefined;
}

/** `below`: left out, but for what may be taken below it. */
function fateOf({ rules }: Walk, path: string, isFolder: boolean): "take" | "leave" | "below" {
  if (!rules.ignores(path)) return "take";
  return isFolder && rules.mayIncludeBelow(path) ? "below" : "leave";
}

/** An answer at once where it is easy: of most files it is. */
function isVisible(walk: Walk, path: string, isFolder: boolean): boolean | Promise<boolean> {
  const fate = fateOf(walk, path, isFolder);
  if (fate !== "below") return fate === "take";
  return walk.seen.get(path) ?? hasVisible(walk, path);
}

async function hasVisible(walk: Walk, folder: string): Promise<boolean> {
  let isSeen = false;
  for (const { name, isFolder } of await childrenOf(walk, folder)) {
    if (walk.pace.isDue()) await pause(walk);
    const answer = isVisible(walk, `${folder}/${name}`, isFolder);
    isSeen = answer === true || (answer !== false && (await answer));
    if (isSeen) break;
  }
  walk.seen.set(folder, isSeen);
  return isSeen;
}

function childrenOf(walk: Walk, path: string): Promise<readonly Child[]> {
  return readChildren(joinPath(walk.folder, path), path, () => {
    walk.found += 1;
    return walk.pace.isDue() ? pause(walk) : undefined;
  });
}

function pause(walk: Walk): Promise<void> {
  return walk.pace.pause({ entries: walk.found, bytes: 0 });
}

function nameOf(at: string): (child: Child) => string {
  return ({ name, isForeign }) => {
    if (isForeign) throw refusal(joinNames(at, name), "its name is not UTF-8.", "Rename it.");
    return name;
  };
}

function joinNames(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Takes a file, or a folder with all that the read wants of it. */
async function take(walk: Walk, read: ContextRead, path: string): Promise<boolean> {
  const entry = await readVisible(walk, path);
  if (entry === undefined) return false;
  if (path !== "") add(walk, entry);
  if (entry.type !== "dir") return true;
  const below = read.below !== undefined && hasWildcard(read.below) ? new IgnoreRules([read.below]) : undefined;
  await takeFolder(walk, path, "", { below, exclude: new IgnoreRules(read.exclude ?? []) });
  return true;
}

interface Wanted {
  /** Matches what is taken. */
  readonly below: IgnoreRules | undefined;
  readonly exclude: IgnoreRules;
}

async function takeFolder(walk: Walk, path: string, inside: string, wanted: Wanted): Promise<void> {
  for (const child of await childrenOf(walk, path)) {
    if (walk.pace.isDue()) await pause(walk);
    const own = joinNames(path, child.name);
    const relative = `${inside}${child.name}`;
    const isTaken = wanted.below?.ignores(relative) !== false && !wanted.exclude.ignores(relative);
    const mayHold = isTaken || wanted.below !== undefined || wanted.exclude.mayIncludeBelow(relative);
    if (!isTaken && !(child.isFolder && mayHold)) continue;
    const answer = isVisible(walk, own, child.isFolder);
    if (answer === false || (answer !== true && !(await answer))) continue;
    const name = nameOf(path)(child);
    const entry = isTaken ? readEntry(joinPath(walk.folder, own), joinNames(path, name)) : undefined;
    if (entry !== undefined) add(walk, entry);
    if (child.isFolder && mayHold) await takeFolder(walk, own, `${relative}/`, wanted);
  }
}

/** The folders above it, too. */
function add(walk: Walk, entry: TreeEntry): void {
  walk.entries.set(entry.path, entry);
  for (let at = entry.path.lastIndexOf("/"); at > 0; at = entry.path.lastIndexOf("/", at - 1)) {
    const path = entry.path.slice(0, at);
    if (walk.entries.has(path)) return;
    walk.entries.set(path, { type: "dir", path });
  }
}

function missing(walk: Walk, read: ContextRead): DockerfileProblem {
  const path = startOf(read);
  const isIgnored = walk.rules.ignores(path) && statSource(path, walk.folder) !== "missing";
  return new DockerfileProblem(
    read.line,
    isIgnored ? `the ignore rules leave ${path} out.` : `there is no ${path} in the context (${walk.folder}).`,
    isIgnored
      ? `Mend ${walk.ignoreFile}, or the instruction.`
      : "Sources are relative to the context and cannot leave it.",
    "LOCAL_PATH",
  );
}

function loop(read: ContextRead, path: string): DockerfileProblem {
  return new DockerfileProblem(read.line, `${path} is a link that leads to itself.`, "Mend the link.", "LOCAL_PATH");
}
