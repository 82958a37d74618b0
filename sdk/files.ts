import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  type Stats,
} from "node:fs";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describeError, SlipwayError } from "./error";

/** One thing in a tree: what of it reaches the image, and where its bytes are. */
export type TreeEntry =
  | { readonly type: "dir"; readonly path: string }
  | { readonly type: "link"; readonly path: string; readonly target: string }
  | {
      readonly type: "file";
      /** In the tree, `/`-separated. */
      readonly path: string;
      /** On this machine. */
      readonly absolutePath: string;
      readonly sizeBytes: number;
      readonly executable: boolean;
    };

/** What of an entry is identity; a file is represented by the SHA-256 of its bytes (64 hex digits). */
export type HashedEntry =
  Exclude<TreeEntry, { type: "file" }> | { type: "file"; path: string; executable: boolean; sha256: string };

/** Entries in the order of their paths' UTF-8 bytes. */
export type Tree = readonly TreeEntry[];

const CHUNK_BYTES = 1 << 20;
const YIELD_AFTER_MS = 50;

/** The tree hash of files read in place. docs/hash.md specifies it. */
export async function hashTree(tree: Tree, signal?: AbortSignal): Promise<string> {
  const hashed: HashedEntry[] = [];
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let yieldedAt = performance.now();
  for (const entry of tree) {
    if (entry.type !== "file") {
      hashed.push(entry);
      continue;
    }
    const digest = createHash("sha256");
    try {
      for (const chunk of readChunks(entry.absolutePath, buffer)) {
        digest.update(chunk);
        if (performance.now() - yieldedAt > YIELD_AFTER_MS) {
          await new Promise((done) => setImmediate(done));
          signal?.throwIfAborted();
          yieldedAt = performance.now();
        }
      }
    } catch (cause) {
      throw signal?.aborted === true ? cause : unreadable(entry.path, cause);
    }
    hashed.push({ type: "file", path: entry.path, executable: entry.executable, sha256: digest.digest("hex") });
  }
  return hashEntries(hashed);
}

/** The tree hash of entries whose files were hashed elsewhere, for example while they were sent. */
export function hashEntries(entries: readonly HashedEntry[]): string {
  const digest = createHash("sha256").update("tree/v1\n");
  for (const entry of entries) {
    const path = Buffer.from(entry.path);
    digest.update(`${typeLetter(entry)}${path.length}:`).update(path);
    if (entry.type === "file") digest.update(entry.sha256);
    if (entry.type === "link") {
      const target = Buffer.from(entry.target);
      digest.update(`${target.length}:`).update(target);
    }
  }
  return digest.digest("hex");
}

function typeLetter(entry: HashedEntry): string {
  switch (entry.type) {
    case "dir":
      return "d";
    case "link":
      return "l";
    case "file":
      return entry.executable ? "x" : "f";
  }
}

/** A file's bytes in chunks that share one buffer; reading in place is faster than streams (facts in bench/). */
function* readChunks(path: string, buffer: Buffer): Generator<Buffer> {
  // Without O_NONBLOCK, a pipe that took the file's place would be waited for.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (;;) {
      const count = readSync(file, buffer, 0, buffer.length, null);
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(file);
  }
}

/** Lists a folder; its root is not an entry. Refuses what cannot be the same on every machine. */
export function listTree(folder: string): Tree {
  const entries: TreeEntry[] = [];
  collectEntries(folder, "", entries);
  refuseCollisions(entries);
  return sortEntries(entries);
}

/** A tree of single files: their paths in the tree, and where they are. */
export function listFiles(files: ReadonlyMap<string, string>): Tree {
  const entries: TreeEntry[] = [];
  const folders = new Set<string>();
  for (const [path, absolutePath] of files) {
    entries.push(fileEntry(path, absolutePath, statSync(absolutePath)));
    for (let parent = posix.dirname(path); parent !== "."; parent = posix.dirname(parent)) folders.add(parent);
  }
  for (const path of folders) entries.push({ type: "dir", path });
  return sortEntries(entries);
}

function collectEntries(folder: string, prefix: string, into: TreeEntry[]): void {
  for (const rawName of readdirSync(folder, { encoding: "buffer" })) {
    const name = rawName.toString("utf8");
    const path = `${prefix}${name}`;
    if (!isUtf8(rawName)) throw refusal(path, "its name is not UTF-8.", "Rename it.");
    // OCI image-spec, layer.md, "Whiteouts": the image would lack it, and another file with it.
    if (name.startsWith(".wh.")) throw refusal(path, "in a layer this name means a removed file.", "Rename it.");
    const absolutePath = join(folder, name);
    const stats = lstatSync(absolutePath);
    if (stats.isDirectory()) {
      into.push({ type: "dir", path });
      collectEntries(absolutePath, `${path}/`, into);
    } else if (stats.isSymbolicLink()) {
      into.push(linkEntry(path, readlinkSync(absolutePath, { encoding: "buffer" })));
    } else {
      into.push(fileEntry(path, absolutePath, stats));
    }
  }
}

function fileEntry(path: string, absolutePath: string, stats: Stats): TreeEntry {
  if (!stats.isFile()) {
    throw refusal(path, "it is a socket, a pipe or a device.", "Only files, folders and links can be in an image.");
  }
  // The owner's bit alone: group and others differ with the umask of the checkout.
  return { type: "file", path, absolutePath, sizeBytes: stats.size, executable: (stats.mode & 0o100) !== 0 };
}

function linkEntry(path: string, rawTarget: Buffer): TreeEntry {
  const target = rawTarget.toString("utf8");
  if (!isUtf8(rawTarget)) throw refusal(path, "it is a link to a name that is not UTF-8.", "Rename what it leads to.");
  // Elsewhere than on Windows a backslash is a letter of a name.
  const normal = sep === "\\" ? target.replaceAll("\\", "/") : target;
  const inTree = posix.normalize(posix.join(posix.dirname(path), normal));
  if (posix.isAbsolute(normal) || isAbsolute(target) || inTree === ".." || inTree.startsWith("../")) {
    throw refusal(
      path,
      `it is a link to ${target}, outside of the folder.`,
      "Make it a link inside the folder, or a copy.",
    );
  }
  return { type: "link", path, target: normal };
}

function refuseCollisions(entries: readonly TreeEntry[]): void {
  const seen = new Map<string, string>();
  for (const { path } of entries) {
    const folded = path.normalize("NFC").toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) {
      throw refusal(path, `it is the same name as ${other} on file systems that ignore case.`, "Rename one of them.");
    }
    seen.set(folded, path);
  }
}

function sortEntries(entries: readonly TreeEntry[]): Tree {
  return entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}

function refusal(path: string, text: string, hint: string): SlipwayError {
  return new SlipwayError({ code: "LOCAL_PATH", text: `${path}: ${text}`, hint });
}

/** A file that was there when it was listed. */
function unreadable(path: string, cause: unknown): SlipwayError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" || code === "ENXIO") {
    return refusal(path, "it is no file any more.", "Something replaced or removed it after it was listed.");
  }
  return refusal(path, `${describeError(cause)}.`, "Every file that is copied must be readable.");
}

/** A local path as it is kept in a spec: relative to the folder, `/`-separated. */
export function toSource(path: string | URL, folder: string): string {
  const text = path instanceof URL || path.startsWith("file://") ? fileURLToPath(path) : path;
  const fromFolder = relative(folder, resolve(folder, text));
  return fromFolder === "" ? "." : sep === "\\" ? fromFolder.replaceAll("\\", "/") : fromFolder;
}

/** One thing by its path, as it is: a link may lead anywhere. `undefined` where there is nothing. */
export function readEntry(absolutePath: string, path: string): TreeEntry | undefined {
  const stats = lstatSync(absolutePath, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return { type: "dir", path };
  if (!stats.isSymbolicLink()) return fileEntry(path, absolutePath, stats);
  const target = readlinkSync(absolutePath);
  return { type: "link", path, target: sep === "\\" ? target.replaceAll("\\", "/") : target };
}

/** What a folder holds. */
export function readNames(folder: string): readonly string[] {
  return readdirSync(folder, { encoding: "buffer" }).map((rawName) => {
    if (isUtf8(rawName)) return rawName.toString("utf8");
    throw refusal(join(folder, rawName.toString("utf8")), "its name is not UTF-8.", "Rename it.");
  });
}

/** Entries as a tree: sorted, each path once. */
export function toTree(entries: Iterable<TreeEntry>): Tree {
  const all = [...new Map([...entries].map((entry) => [entry.path, entry])).values()];
  refuseCollisions(all);
  return sortEntries(all);
}

/** A local text file, or nothing where it is not UTF-8. */
export function readUtf8(path: string): string | undefined {
  const bytes = readFileSync(path);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

export type PathKind = "file" | "dir" | "other" | "missing";

export function statSource(source: string, folder: string): PathKind {
  const stats = statSync(resolve(folder, source), { throwIfNoEntry: false });
  if (stats === undefined) return "missing";
  return stats.isFile() ? "file" : stats.isDirectory() ? "dir" : "other";
}

/** A local text file, as UTF-8. */
export function readTextFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** The absolute path of a source. */
export function joinPath(folder: string, source: string): string {
  return resolve(folder, source);
}
