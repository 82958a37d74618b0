import { isUtf8 } from "node:buffer";
import { createHash, hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import * as localPath from "node:path";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SlipwayError } from "./error";
import { stampOf, type KnownDigests, type TreeCache } from "./hash-cache";
import { hashInWorkers, isWorthWorkers, type FileDigests } from "./hash-workers";
import type { FileEntry, HashedEntry, Tree, TreeProgress, TreeWatch } from "./tree";
import { plainWindowsPath, windowsPathOf } from "./windows-path";

const CHUNK_BYTES = 1 << 20;
const DIGEST_BYTES = 32;
/** Without O_NONBLOCK, a pipe that took the file's place would be waited for. Windows has none. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const PAUSE_AFTER_MS = 50;
const ASKED_PER_LOOK = 8;
const PENDING_LENGTH = 1 << 14;
const HEX_DIGESTS = 1 << 10;

/**
 * The tree hash of files read in place. docs/hash.md specifies it.
 *
 * @param cache spares the reading of what is unchanged since an earlier run.
 */
export async function hashTree(tree: Tree, watch: TreeWatch = {}, cache?: TreeCache): Promise<string> {
  const files = tree.filter((entry) => entry.type === "file");
  const known = cache?.read(files);
  const digests = await (known === undefined
    ? hashFiles(files, { watch }).then((hashed) => hashed.digests)
    : hashUnknown(files, known, watch));
  const digest = new TreeDigest();
  const pace = new Pace({ signal: watch.signal });
  let next = 0;
  let hex = "";
  for (const [index, entry] of tree.entries()) {
    if (pace.isDue()) await pace.pause({ entries: index, bytes: 0 });
    if (entry.type !== "file") {
      digest.add(entry);
      continue;
    }
    // Many at a time: a call for each would take as long as all the rest.
    const at = next % HEX_DIGESTS;
    if (at === 0) hex = digests.toString("hex", next * DIGEST_BYTES, (next + HEX_DIGESTS) * DIGEST_BYTES);
    next += 1;
    const sha256 = hex.slice(at * 2 * DIGEST_BYTES, (at + 1) * 2 * DIGEST_BYTES);
    digest.add({ type: "file", path: entry.path, executable: entry.executable, sha256 });
  }
  return digest.end();
}

/** Hashes what is not known, and has that known from now on. */
async function hashUnknown(files: readonly FileEntry[], known: KnownDigests, watch: TreeWatch): Promise<Buffer> {
  const { digests, unknown } = known.find(files);
  if (unknown.length === 0) return digests;
  const asked = new Set(unknown);
  const entries = files.length - unknown.length;
  const bytes = files.reduce((sum, { sizeBytes }, index) => (asked.has(index) ? sum : sum + sizeBytes), 0);
  const hashed = await hashFiles(
    files.filter((_, index) => asked.has(index)),
    { watch, isWatched: (file) => known.mayKeep(file), before: { entries, bytes } },
  );
  for (const [at, index] of unknown.entries()) {
    hashed.digests.copy(digests, index * DIGEST_BYTES, at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
    if (hashed.isSteady[at] === 1) asked.delete(index);
  }
  if (asked.size < unknown.length) known.keep(files, digests, (index) => !asked.has(index));
  return digests;
}

interface Hashing {
  readonly watch: TreeWatch;
  /** Of which files it is asked whether they change meanwhile. */
  readonly isWatched?: (file: FileEntry) => boolean;
  /** What is done before. */
  readonly before?: TreeProgress;
}

async function hashFiles(files: readonly FileEntry[], hashing: Hashing): Promise<FileDigests> {
  const { watch, isWatched = () => false, before = { entries: 0, bytes: 0 } } = hashing;
  const onProgress = ({ entries, bytes }: TreeProgress): void =>
    watch.onProgress?.({ entries: before.entries + entries, bytes: before.bytes + bytes });
  if (!isWorthWorkers(files)) return hashHere(files, isWatched, { signal: watch.signal, onProgress });
  return hashInWorkers(files, {
    signal: watch.signal,
    isWatched,
    onProgress,
    fail: ({ path }, failure) => unreadable(path, Object.assign(new Error(failure.message), failure)),
  });
}

async function hashHere(
  files: readonly FileEntry[],
  isWatched: (file: FileEntry) => boolean,
  watch: TreeWatch,
): Promise<FileDigests> {
  const digests = Buffer.alloc(files.length * DIGEST_BYTES);
  const isSteady = new Uint8Array(files.length);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const pace = new Pace(watch);
  let bytes = 0;
  for (const [index, entry] of files.entries()) {
    if (pace.isDue()) await pace.pause({ entries: index, bytes });
    const onRead = (count: number): Promise<void> | undefined =>
      pace.isDue() ? pace.pause({ entries: index, bytes: bytes + count }) : undefined;
    const { path, absolutePath, sizeBytes, stamp } = entry;
    const file = reading(path, () => openSync(absolutePath, READ_FLAGS));
    try {
      const small = reading(path, () => hashSmallFile(file, sizeBytes, buffer));
      const large = async (): Promise<Buffer> =>
        hashLargeFile(file, buffer, onRead).catch((error: unknown) => {
          throw unreadable(path, error);
        });
      digests.set(small ?? (await large()), index * DIGEST_BYTES);
      if (isWatched(entry) && stampOf(fstatSync(file, { bigint: true })) === stamp) isSteady[index] = 1;
    } finally {
      closeSync(file);
    }
    bytes += sizeBytes;
  }
  return { digests, isSteady };
}

/** The tree hash of entries whose files were hashed elsewhere, for example while they were sent. */
export function hashEntries(entries: readonly HashedEntry[]): string {
  const digest = new TreeDigest();
  for (const entry of entries) digest.add(entry);
  return digest.end();
}

/** Feeds the digest many entries at a time: every call of it costs as much as hashing a kilobyte. */
class TreeDigest {
  readonly #digest = createHash("sha256");
  #pending = "tree/v1\n";

  add(entry: HashedEntry): void {
    this.#pending += `${typeLetter(entry)}${framed(entry.path)}`;
    if (entry.type === "file") this.#pending += entry.sha256;
    if (entry.type === "link") this.#pending += framed(entry.target);
    if (this.#pending.length > PENDING_LENGTH) this.#flush();
  }

  end(): string {
    this.#flush();
    return this.#digest.digest("hex");
  }

  #flush(): void {
    this.#digest.update(this.#pending);
    this.#pending = "";
  }
}

function framed(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`;
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
 * SHA-256 of a file that the buffer holds, in one call: reading in place like this is faster than streams, and one call
 * than a digest that is fed (bench/). `undefined` for a larger one, whose begin is in the buffer then.
 */
function hashSmallFile(file: number, sizeBytes: number, buffer: Buffer): Buffer | undefined {
  for (let length = 0; length < buffer.length;) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    length += count;
    // A short read that ends where the file ended when it was listed needs no further one to see the end.
    const isWhole = count === 0 || (length === sizeBytes && length < buffer.length);
    if (isWhole) return hash("sha256", buffer.subarray(0, length), "buffer");
  }
  return undefined;
}

/** @param buffer full of the file's begin. */
async function hashLargeFile(
  file: number,
  buffer: Buffer,
  onRead: (count: number) => Promise<void> | undefined,
): Promise<Buffer> {
  const digest = createHash("sha256");
  for (let count = buffer.length, total = 0; count > 0; count = readSync(file, buffer, 0, buffer.length, null)) {
    digest.update(buffer.subarray(0, count));
    total += count;
    const pause = onRead(total);
    if (pause !== undefined) await pause;
  }
  return digest.digest();
}

/** Lets others have their turn, and those who wait know how far it is. */
export class Pace {
  readonly #watch: TreeWatch;
  #pausedAt = performance.now();
  #asked = 0;

  constructor(watch: TreeWatch) {
    this.#watch = watch;
  }

  /** Asked for every file; it looks at the clock now and then. */
  isDue(): boolean {
    this.#asked += 1;
    return this.#asked % ASKED_PER_LOOK === 0 && performance.now() - this.#pausedAt > PAUSE_AFTER_MS;
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
  const gone = ["ENOENT", "ENOTDIR", "EISDIR", "ENXIO"].includes(String(error.code));
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
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ELOOP" ? "loop" : code === "ENAMETOOLONG" ? "missing" : "unreadable";
  }
}

/** A local text file, or nothing where it is not UTF-8. */
export function readUtf8(path: string): string | undefined {
  const bytes = readFileSync(path);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** A local text file, as UTF-8. */
export function readTextFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** The absolute path of a source. */
export function joinPath(folder: string, source: string): string {
  return resolve(folder, source);
}
