import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import { finished, type Writable } from "node:stream";
import { pack, type Header, type Pack } from "tar-stream";
import { SlipwayError } from "../sdk/error";
import { hashEntries } from "../sdk/files";
import type { HashedEntry, Tree, TreeEntry } from "../sdk/tree";

/** Local files that the build gets as one folder of its context. */
export interface ContextPart {
  /** For example `c/0`. */
  readonly folder: string;
  readonly tree: Tree;
  /** The tree hash that the bytes must have. */
  readonly expected: string;
  /** How the user names it, for messages. */
  readonly source: string;
  /** Where the whole folder is on this machine; a part of single files has none. */
  readonly root?: string | undefined;
}

const CHUNK_BYTES = 1 << 20;
/** Linux gives files the time of its last tick, at most that long ago (CONFIG_HZ=100). */
const CLOCK_TICK_MS = 10;

/**
 * Streams the Dockerfile and the parts as one tar, hashing the very bytes that it sends: what is built is what was
 * hashed, or nothing is.
 *
 * @returns whether everything was handed over; `false` when the receiver ended before.
 * @throws SlipwayError CONTEXT_CHANGED
 */
export async function sendContext(dockerfile: string, parts: readonly ContextPart[], to: Writable): Promise<boolean> {
  const tar = pack();
  const written = writeContext(tar, dockerfile, parts).then(
    () => undefined,
    (cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      tar.destroy(error);
      return error;
    },
  );
  // What ends the tar early is told by `written`.
  const isTaken = await pipeTar(tar, to).catch(() => true);
  const error = await written;
  if (isTaken && error !== undefined) throw error;
  return isTaken;
}

/** Whether everything was handed over; the receiver's early end ends the tar. */
async function pipeTar(tar: Pack, to: Writable): Promise<boolean> {
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    // It keeps listening, so that a broken pipe is never an unhandled error.
    finished(to, () => {
      hasEnded = true;
      resolve();
    });
  });
  for await (const chunk of tar) {
    if (hasEnded || to.destroyed) return false;
    if (!to.write(chunk)) await Promise.race([new Promise((resolve) => to.once("drain", resolve)), ended]);
  }
  if (hasEnded || to.destroyed) return false;
  to.end();
  return true;
}

async function writeContext(tar: Pack, dockerfile: string, parts: readonly ContextPart[]): Promise<void> {
  await writeEntry(tar, { name: "Dockerfile", mode: 0o644 }, dockerfile);
  const folders = new Set(parts.flatMap((part) => [part.folder.split("/")[0] ?? "", part.folder]));
  for (const name of [...folders].sort()) await writeEntry(tar, { name, type: "directory", mode: 0o755 });
  for (const part of parts) await writePart(tar, part);
  tar.finalize();
}

/**
 * Writes the files of one part, hashing the very bytes that it writes.
 *
 * @throws SlipwayError CONTEXT_CHANGED
 */
export async function writePart(tar: Pack, part: ContextPart): Promise<void> {
  const hashed: HashedEntry[] = [];
  for (const entry of part.tree) hashed.push(await writeTreeEntry(tar, part, entry));
  if (hashEntries(hashed) !== part.expected) throw changed(part, await lastChanged(part));
}

async function writeTreeEntry(tar: Pack, part: ContextPart, entry: TreeEntry): Promise<HashedEntry> {
  const name = `${part.folder}/${entry.path}`;
  switch (entry.type) {
    case "dir":
      await writeEntry(tar, { name, type: "directory", mode: 0o755 });
      return entry;
    case "link":
      await writeEntry(tar, { name, type: "symlink", linkname: entry.target, mode: 0o777 });
      return entry;
    case "file": {
      const sha256 = await writeFileEntry(tar, part, { ...entry, name });
      return { type: "file", path: entry.path, executable: entry.executable, sha256 };
    }
  }
}

async function writeFileEntry(
  tar: Pack,
  part: ContextPart,
  entry: TreeEntry & { readonly type: "file"; readonly name: string },
): Promise<string> {
  const mode = entry.executable ? 0o755 : 0o644;
  const digest = createHash("sha256");
  // Without O_NONBLOCK, a pipe that took the file's place would be waited for.
  const file = await open(entry.absolutePath, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(part, entry.path, cause);
  });
  try {
    let left = entry.sizeBytes;
    let finish = (_error?: Error | null): void => undefined;
    const written = new Promise<void>((resolve, reject) => {
      finish = (error) => (error ? reject(error) : resolve());
    });
    written.catch(() => undefined);
    const sink = tar.entry({ ...normalized, name: entry.name, mode, size: left }, (error) => finish(error));
    sink.on("error", () => undefined); // `written` says it, too.
    while (left > 0) {
      // A buffer of its own for each chunk: the tar keeps it until the receiver took it.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left)), 0);
      if (bytesRead === 0) throw changed(part, entry.path);
      const chunk = buffer.subarray(0, bytesRead);
      digest.update(chunk);
      left -= bytesRead;
      if (!sink.write(chunk) && !sink.destroyed) await drained(sink);
    }
    const { bytesRead } = await file.read(Buffer.alloc(1), 0);
    if (bytesRead > 0) throw changed(part, entry.path);
    sink.end(undefined);
    await written;
    return digest.digest("hex");
  } catch (cause) {
    throw unreadable(part, entry.path, cause);
  } finally {
    await file.close();
  }
}

/** Waits until an entry takes more, or nothing any more. */
async function drained(sink: ReturnType<Pack["entry"]>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race(["drain", "close"].map((name) => once(sink, name, { signal: done.signal })));
  } finally {
    done.abort(); // Listeners of every chunk would add up.
  }
}

/** What is said of a file that is gone, or a folder, a loop of links, a socket or a pipe now. */
const GONE: readonly unknown[] = ["ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENXIO", "EAGAIN"];

/** A file that was there when it was listed: gone, or something else now. Other errors stay as they are. */
export function unreadable(part: ContextPart, path: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return GONE.includes(code) ? changed(part, path) : cause;
}

/** No trace of the machine: what is copied is root's and from the beginning of time. */
const normalized = { uid: 0, gid: 0, mtime: new Date(0) } as const;

export function writeEntry(
  tar: Pack,
  header: Partial<Header> & Pick<Header, "name">,
  content: string | Buffer = "",
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    const isVoid = header.type === "directory" || header.type === "symlink";
    const whole = { ...normalized, ...header };
    const sink = isVoid ? tar.entry(whole, done) : tar.entry(whole, content, done);
    sink.on("error", () => undefined); // `done` says it, too.
  });
}

export function changed(part: ContextPart, path: string): SlipwayError {
  const what = path === ROOT ? "the list of its files" : path;
  return new SlipwayError({
    code: "CONTEXT_CHANGED",
    text: `${part.source}: ${what} changed after it was hashed, so nothing was built.`,
    hint: "Run it again when nothing writes there, or leave out what is written.",
  });
}

/** The path of a tree's own folder. */
const ROOT = ".";

/**
 * What was changed last: the hash says that something was, not what. An entry that came, went or was renamed shows in
 * the times of its folder alone; so a folder counts where it is newer than all else.
 */
export async function lastChanged({ tree, root }: ContextPart): Promise<string> {
  const places = tree.flatMap((entry) => {
    const place = entry.type === "file" ? entry.absolutePath : root === undefined ? undefined : join(root, entry.path);
    return place === undefined ? [] : [{ path: entry.path, place, isFolder: entry.type === "dir" }];
  });
  const folders = places.filter(({ isFolder }) => isFolder);
  const ordered = [
    ...(root === undefined ? [] : [{ path: ROOT, place: root }]),
    ...folders,
    ...places.filter(({ isFolder }) => !isFolder),
  ];
  const times: { readonly path: string; readonly time: number }[] = [];
  for (const { path, place } of ordered) {
    const stats = await lstat(place).catch(() => undefined);
    if (stats === undefined) return path;
    times.push({ path, time: Math.max(stats.mtimeMs, stats.ctimeMs) });
  }
  const newest = times.reduce((latest, { time }) => Math.max(latest, time), 0);
  // A new folder has its time before the one that it was put into, by a tick of the clock where that falls between.
  return times.findLast(({ time }) => time >= newest - CLOCK_TICK_MS)?.path ?? "a file";
}
