import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeError, SlipwayError } from "../sdk/error";
import { EMPTY_LOCK, formatLock, LOCK_FILE_NAME, parseLock, type Lock } from "../sdk/lock";

/** The images.lock.json that is a folder's. */
export interface LockFile {
  /** Absolute; where it would be made when there is none. */
  readonly path: string;
  /** `undefined` when there is none. */
  readonly lock: Lock | undefined;
}

/**
 * Finds the lock of a program: the nearest one from its folder upwards to the repository's root, which is the folder
 * that holds `.git`. A new one belongs into that root, so that a monorepo has one; without a root, into the folder.
 *
 * @param folder the program's folder, absolute.
 * @throws SlipwayError LOCK_INVALID
 */
export function findLockFile(folder: string): LockFile {
  for (let current = folder; ; current = dirname(current)) {
    const path = join(current, LOCK_FILE_NAME);
    const text = readText(path);
    if (text !== undefined) return { path, lock: parseLock(text, path) };
    if (existsSync(join(current, ".git"))) return { path, lock: undefined };
    if (dirname(current) === current) return { path: join(folder, LOCK_FILE_NAME), lock: undefined };
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined;
    const text = `${path}: it cannot be read: ${describeError(cause)}.`;
    throw new SlipwayError({ code: "LOCK_INVALID", text, hint: "See that it is a file that you may read.", cause });
  }
}

/** What an update made of a lock. */
export interface LockUpdate {
  readonly before: Lock;
  readonly after: Lock;
}

/**
 * Changes a lock's file, or makes it. Several processes may do it at once: each changes what the one before it wrote.
 * A reader sees the old file or the new one, and a file in which nothing changes stays as it is.
 *
 * @throws SlipwayError LOCK_INVALID
 */
export async function updateLockFile(path: string, change: (lock: Lock) => Lock): Promise<LockUpdate> {
  try {
    return await update(existsSync(path) ? realpathSync(path) : path, change);
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    const text = `${path}: it cannot be written: ${describeError(cause)}.`;
    throw new SlipwayError({ code: "LOCK_INVALID", text, hint: "See that its folder can be written.", cause });
  }
}

/** As git writes its index: the new file is the mutex, too, and renaming it gives the mutex back. */
async function update(path: string, change: (lock: Lock) => Lock): Promise<LockUpdate> {
  const newPath = `${path}.new`;
  const file = await openAlone(newPath);
  let isRenamed = false;
  try {
    const text = readText(path);
    const before = text === undefined ? EMPTY_LOCK : parseLock(text, path);
    const after = change(before);
    if (formatLock(before) !== formatLock(after)) {
      await file.writeFile(formatLock(after));
      await file.sync();
      await rename(newPath, path);
      isRenamed = true;
    }
    return { before, after };
  } finally {
    await file.close();
    if (!isRenamed) await rm(newPath, { force: true });
  }
}

const RETRY_MS = 20;
/** An update takes milliseconds: a new file as old as this is of a process that was killed. */
const STALE_MS = 5_000;

async function openAlone(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, "wx");
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS) await rm(path, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
