import { createHash, hash, type Hash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import * as localPath from "node:path";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SlipwayError } from "./error";
import type { HashedEntry, Tree, TreeProgress, TreeWatch } from "./tree";
import { plainWindowsPath, windowsPathOf } from "./windows-path";

const CHUNK_BYTES = 1 << 20;
const PAUSE_AFTER_MS = 50;

/** The tree hash of files read in place. docs/hash.md specifies it. */
export async function hashTree(tree: Tree, watch: TreeWatch = {}): Promise<string> {
  const digest = startTree();
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const pace = new Pace(watch);
  let bytes = 0;
  for (const [index, entry] of tree.entries()) {
    if (entry.type !== "file") {
      addEntry(digest, entry);
      continue;
    }
    const onRead = (count: number): Promise<void> | undefined => {
      bytes += count;
      return pace.isDue() ? pace.pause({ entries: index, bytes }) : undefined;
    };
    const sha256 = await hashFile(entry.absolutePath, buffer, onRead).catch((error: unknown) => {
      throw unreadable(entry.path, error);
    });
    addEntry(digest, { type: "file", path: entry.path, executable: entry.executable, sha256 });
  }
  return digest.digest("hex");
}

/** The tree hash of entries whose files were hashed elsewhere, for example while they were sent. */
export function hashEntries(entries: readonly HashedEntry[]): string {
  const digest = startTree();
  for (const entry of entries) addEntry(digest, entry);
  return digest.digest("hex");
}

function startTree(): Hash {
  return createHash("sha256").update("tree/v1\n");
}

function addEntry(digest: Hash, entry: HashedEntry): void {
  const path = Buffer.from(entry.path);
  digest.update(`${typeLetter(entry)}${path.length}:`).update(path);
  if (entry.type === "file") digest.update(entry.sha256);
  if (entry.type === "link") {
    const target = Buffer.from(entry.target);
    digest.update(`${target.length}:`).update(target);
  }
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

/**
 * SHA-256 of a file. A small one is hashed in one call, which costs half of a digest that is fed; reading in place is
 * faster than streams and than workers for small files (bench/).
 */
async function hashFile(
  path: string,
  buffer: Buffer,
  onRead: (count: number) => Promise<void> | undefined,
): Promise<string> {
  const file = openSync(path, "r");
  try {
    let digest: Hash | undefined;
    for (let length = 0; ;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      const pause = onRead(count);
      if (pause !== undefined) await pause;
      if (count === 0 && digest === undefined) return hash("sha256", buffer.subarray(0, length), "hex");
      if (count > 0 && length < buffer.length) continue;
      digest ??= createHash("sha256");
      digest.update(buffer.subarray(0, length));
      if (count === 0) return digest.digest("hex");
      length = 0;
    }
  } finally {
    closeSync(file);
  }
}

/** Lets others have their turn, and those who wait know how far it is. */
export class Pace {
  readonly #watch: TreeWatch;
  #pausedAt = performance.now();

  constructor(watch: TreeWatch) {
    this.#watch = watch;
  }

  isDue(): boolean {
    return performance.now() - this.#pausedAt > PAUSE_AFTER_MS;
  }

  async pause(progress: TreeProgress): Promise<void> {
    this.#watch.onProgress?.(progress);
    await new Promise((done) => setImmediate(done));
    this.#watch.signal?.throwIfAborted();
    this.#pausedAt = performance.now();
  }
}

/** Says which file it was that could not be read. */
export function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return error;
  const gone = error.code === "ENOENT" || error.code === "ENOTDIR";
  const found = gone ? "it is not there any more." : `it cannot be read (${String(error.code)}).`;
  return refusal(path, found, gone ? "Run it again when nothing writes there." : "Make it readable.", error);
}

export function refusal(path: string, text: string, hint: string, cause?: unknown): SlipwayError {
  return new SlipwayError({ code: "LOCAL_PATH", text: path === "" ? text : `${path}: ${text}`, hint, cause });
}

/**
 * A local path as it is kept in a spec: relative to the folder, `/`-separated.
 *
 * @param paths those of the machine; Windows' are the same everywhere.
 * @throws SlipwayError LOCAL_PATH, for what has no path from the folder
 */
export function toSource(path: string | URL, folder: string, paths: localPath.PlatformPath = localPath): string {
  const isWindows = paths.sep === "\\";
  const url = path instanceof URL ? path : /^file:\/\//i.test(path) ? new URL(path) : undefined;
  const given = url === undefined ? String(path) : isWindows ? windowsPathOf(url) : fileURLToPath(url);
  const base = isWindows ? plainWindowsPath(folder) : folder;
  const fromFolder = paths.relative(base, paths.resolve(base, isWindows ? plainWindowsPath(given) : given));
  if (paths.isAbsolute(fromFolder)) {
    const text = `${given} is on another drive than the program's folder, ${base}.`;
    throw new SlipwayError({ code: "LOCAL_PATH", text, hint: "Keep both on one drive: paths are kept relative." });
  }
  return fromFolder === "" ? "." : isWindows ? fromFolder.replaceAll("\\", "/") : fromFolder;
}

export type PathKind = "file" | "dir" | "other" | "missing" | "loop" | "unreadable";

export function statSource(source: string, folder: string): PathKind {
  try {
    const stats = statSync(resolve(folder, source), { throwIfNoEntry: false });
    if (stats === undefined) return "missing";
    return stats.isFile() ? "file" : stats.isDirectory() ? "dir" : "other";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ELOOP" ? "loop" : "unreadable";
  }
}

/** A local text file, as UTF-8. */
export function readTextFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** The absolute path of a source. */
export function joinPath(folder: string, source: string): string {
  return resolve(folder, source);
}
