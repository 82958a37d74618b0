import { isUtf8 } from "node:buffer";
import { lstatSync, opendirSync, readdirSync, readlinkSync, statSync, type BigIntStats, type Dirent } from "node:fs";
import { isAbsolute, join, posix, sep } from "node:path";
import type { SlipwayError } from "./error";
import { Pace, reading, readTextFile, refusal } from "./files";
import { stampOf } from "./hash-cache";
import { IGNORE_FILE, type Selection } from "./selection";
import { foldName, utf8Order, type Tree, type TreeEntry, type TreeWatch } from "./tree";
import { findLeavingLink } from "./tree-links";

const SORTED_AT_ONCE = 20_000;

/**
 * Lists a folder, or what a selection takes of it; its root is not an entry. Refuses what cannot be the same on every
 * machine.
 */
export async function listTree(folder: string, selection?: Selection, watch: TreeWatch = {}): Promise<Tree> {
  const walk: Walk = { selection, entries: [], tentative: new Set(), pace: new Pace(watch), found: 0 };
  await walkFolder(walk, { path: "", absolutePath: folder, isDenied: false });
  const { tentative, entries } = walk;
  const tree = tentative.size === 0 ? entries : entries.filter((entry) => !tentative.has(entry));
  refuseLeavingLinks(tree);
  return tree;
}

interface Walk {
  readonly selection: Selection | undefined;
  readonly entries: TreeEntry[];
  /** Folders that are left out unless something below them is taken. */
  readonly tentative: Set<TreeEntry>;
  readonly pace: Pace;
  /** How many files and folders were found so far. */
  found: number;
}

interface WalkedFolder {
  readonly path: string;
  readonly absolutePath: string;
  readonly isDenied: boolean;
}

/** @returns whether anything in it was taken. */
async function walkFolder(walk: Walk, folder: WalkedFolder): Promise<boolean> {
  const prefix = folder.path === "" ? "" : `${folder.path}/`;
  const entered = new Map<string, { readonly entry: TreeEntry; readonly isDenied: boolean }>();
  const taken = new Map<string, string>();
  for (const turn of await readTurns(walk, folder)) {
    const { name, child, isContent } = turn;
    const path = prefix + name;
    const absolutePath = folder.absolutePath + sep + name;
    if (walk.pace.isDue()) await walk.pace.pause({ entries: walk.found, bytes: 0 });
    if (isContent) {
      const own = entered.get(name);
      if (own === undefined) continue;
      const isUsed = await walkFolder(walk, { path, absolutePath, isDenied: own.isDenied });
      if (isUsed && walk.tentative.delete(own.entry)) refuseCollision(taken, name, prefix);
      continue;
    }
    const { fate, isDenied } = walk.selection?.judge(path, child.isDirectory(), folder.isDenied) ?? TAKEN;
    if (fate === "leave") continue;
    if (isWhiteout(name)) throw whiteout(path);
    if (turn.isForeign) throw refusal(path, "its name is not UTF-8.", "Rename it.");
    const entry = reading(path, () => entryOf(child, path, absolutePath));
    walk.entries.push(entry);
    if (entry.type === "dir") entered.set(name, { entry, isDenied });
    if (fate === "below") walk.tentative.add(entry);
    else refuseCollision(taken, name, prefix);
  }
  return taken.size > 0;
}

const TAKEN = { fate: "take", isDenied: false } as const;

/** A folder stands in the list twice: itself, and what is in it, which may come after `a-b` though `a` comes before. */
interface Turn {
  readonly key: string;
  readonly name: string;
  readonly child: Dirent;
  readonly isContent: boolean;
  /** Whether the name is not UTF-8. */
  readonly isForeign: boolean;
}

/** In the order in which a walk gives paths that are sorted as a whole. */
async function readTurns(walk: Walk, { path, absolutePath }: WalkedFolder): Promise<readonly Turn[]> {
  const turns: Turn[] = [];
  let foreign: ReadonlySet<string> | undefined;
  const folder = reading(path, () => opendirSync(absolutePath, { bufferSize: 256 }));
  try {
    for (let child = folder.readSync(); child !== null; child = folder.readSync()) {
      const { name } = child;
      walk.found += 1;
      if (name.includes("\ufffd")) foreign ??= foreignNames(absolutePath);
      const isForeign = foreign?.has(name) === true;
      turns.push({ key: name, name, child, isContent: false, isForeign });
      if (child.isDirectory()) turns.push({ key: `${name}/`, name, child, isContent: true, isForeign });
      if (walk.pace.isDue()) await walk.pace.pause({ entries: walk.found, bytes: 0 });
    }
  } finally {
    folder.closeSync();
  }
  return sortPaced(
    turns,
    utf8Order(turns, ({ key }) => key),
    async () => pauseIfDue(walk),
  );
}

async function pauseIfDue(walk: Walk): Promise<void> {
  if (walk.pace.isDue()) await walk.pace.pause({ entries: walk.found, bytes: 0 });
}

/** Sorts what would take too long at once: pieces, then two and two of them. */
async function sortPaced<T>(items: T[], order: (a: T, b: T) => number, pause: () => Promise<void>): Promise<T[]> {
  if (items.length < SORTED_AT_ONCE) return items.sort(order);
  const pieces: T[][] = [];
  for (let start = 0; start < items.length; start += SORTED_AT_ONCE) {
    pieces.push(items.slice(start, start + SORTED_AT_ONCE).sort(order));
    await pause();
  }
  for (let one = pieces.shift(); one !== undefined; one = pieces.shift()) {
    const other = pieces.shift();
    if (other === undefined) return one;
    const merged: T[] = [];
    for (let at = 0, otherAt = 0; at < one.length || otherAt < other.length;) {
      const a = one[at];
      const b = other[otherAt];
      const isFirst = b === undefined || (a !== undefined && order(a, b) <= 0);
      const next = isFirst ? a : b;
      if (next !== undefined) merged.push(next);
      if (isFirst) at += 1;
      else otherAt += 1;
      if (merged.length % 1_000 === 0) await pause();
    }
    pieces.push(merged);
  }
  return [];
}

/** Names that are not UTF-8, as they read with U+FFFD in the place of what is not. */
function foreignNames(folder: string): ReadonlySet<string> {
  const names = readdirSync(folder, { encoding: "buffer" });
  return new Set(names.filter((name) => !isUtf8(name)).map((name) => name.toString("utf8")));
}

function entryOf(child: Dirent, path: string, absolutePath: string): TreeEntry {
  if (child.isDirectory()) return { type: "dir", path };
  if (child.isSymbolicLink()) return linkEntry(path, readlinkSync(absolutePath, { encoding: "buffer" }));
  return fileEntry(path, absolutePath, lstatSync(absolutePath, { bigint: true }));
}

function fileEntry(path: string, absolutePath: string, stats: BigIntStats): TreeEntry {
  if (!stats.isFile()) {
    throw refusal(path, "it is a socket, a pipe or a device.", "Only files, folders and links can be in an image.");
  }
  // The owner's bit alone: group and others differ with the umask of the checkout.
  const executable = (stats.mode & 0o100n) !== 0n;
  return { type: "file", path, absolutePath, sizeBytes: Number(stats.size), executable, stamp: stampOf(stats) };
}

function linkEntry(path: string, rawTarget: Buffer): TreeEntry {
  const target = rawTarget.toString("utf8");
  if (!isUtf8(rawTarget)) throw refusal(path, "it is a link to a name that is not UTF-8.", "Rename what it leads to.");
  if (isAbsolute(target)) throw leaving(path, target);
  // Elsewhere than on Windows a backslash is a letter of a name.
  return { type: "link", path, target: sep === "\\" ? target.replaceAll("\\", "/") : target };
}

function refuseLeavingLinks(entries: readonly TreeEntry[]): void {
  const links = new Map(entries.flatMap((entry) => (entry.type === "link" ? [[entry.path, entry.target]] : [])));
  const path = findLeavingLink(links);
  if (path !== undefined) throw leaving(path, links.get(path) ?? "");
}

function leaving(path: string, target: string): SlipwayError {
  const found = `it is a link to ${target}, outside of the folder.`;
  return refusal(path, found, "Make it a link inside the folder, or a copy.");
}

/** Two names in one folder that some file systems hold for one; so no two paths of the tree can be, either. */
function refuseCollision(taken: Map<string, string>, name: string, prefix: string): void {
  const folded = foldName(name);
  const other = taken.get(folded);
  taken.set(folded, name);
  if (other === undefined) return;
  const found = `it is the same name as ${prefix}${other} on file systems that ignore case.`;
  throw refusal(prefix + name, found, "Rename one of them.");
}

/** A tree of single files: their paths in the tree, and where they are. */
export function listFiles(files: ReadonlyMap<string, string>): Tree {
  const entries: TreeEntry[] = [];
  const folders = new Set<string>();
  for (const [path, absolutePath] of files) {
    entries.push(reading(path, () => fileEntry(path, absolutePath, statSync(absolutePath, { bigint: true }))));
    for (let parent = posix.dirname(path); parent !== "."; parent = posix.dirname(parent)) folders.add(parent);
  }
  for (const path of folders) entries.push({ type: "dir", path });
  return entries.sort(utf8Order(entries, ({ path }) => path));
}

/** One thing by its path, as it is: a link may lead anywhere. `undefined` where there is nothing. */
export function readEntry(absolutePath: string, path: string): TreeEntry | undefined {
  return reading(path, () => {
    const stats = lstatSync(absolutePath, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isDirectory()) return { type: "dir", path };
    if (!stats.isSymbolicLink()) return fileEntry(path, absolutePath, stats);
    const target = readlinkSync(absolutePath);
    return { type: "link", path, target: sep === "\\" ? target.replaceAll("\\", "/") : target };
  });
}

/** Something in a folder, by its name alone: it may be a socket, unreadable or anything. */
export interface Child {
  readonly name: string;
  readonly isFolder: boolean;
  /** Whether the name is not UTF-8. */
  readonly isForeign: boolean;
}

/**
 * What a folder holds, in any order.
 *
 * @param onChild called for each.
 */
export async function readChildren(
  absolutePath: string,
  path: string,
  onChild: () => Promise<void> | undefined,
): Promise<readonly Child[]> {
  const children: Child[] = [];
  let foreign: ReadonlySet<string> | undefined;
  const folder = reading(path, () => opendirSync(absolutePath, { bufferSize: 256 }));
  try {
    for (let child = folder.readSync(); child !== null; child = folder.readSync()) {
      const { name } = child;
      if (name.includes("\ufffd")) foreign ??= foreignNames(absolutePath);
      children.push({ name, isFolder: child.isDirectory(), isForeign: foreign?.has(name) === true });
      const pause = onChild();
      if (pause !== undefined) await pause;
    }
  } finally {
    folder.closeSync();
  }
  return children;
}

/** Entries as a tree: sorted. Each path is there once. */
export async function toTree(entries: Iterable<TreeEntry>, pace: Pace): Promise<Tree> {
  const all = [...entries];
  const pause = async (): Promise<void> => {
    if (pace.isDue()) await pace.pause({ entries: all.length, bytes: 0 });
  };
  const taken = new Map<string, string>();
  for (const { path } of all) {
    if (isWhiteout(posix.basename(path))) throw whiteout(path);
    refuseCollision(taken, path, "");
    if (pace.isDue()) await pace.pause({ entries: all.length, bytes: 0 });
  }
  return sortPaced(
    all,
    utf8Order(all, ({ path }) => path),
    pause,
  );
}

/** OCI image-spec, layer.md, "Whiteouts": the image would lack it, and another file with it. */
function isWhiteout(name: string): boolean {
  return name.startsWith(".wh.");
}

function whiteout(path: string): SlipwayError {
  return refusal(path, "in a layer this name means a removed file.", "Rename it.");
}

/** The text of a folder's own ignore file; empty where it has none. */
export function readIgnoreFile(folder: string): string {
  return reading(IGNORE_FILE, () => {
    const path = join(folder, IGNORE_FILE);
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readTextFile(path) : "";
  });
}
