import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  chmodSync,
  futimesSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hashEntries, Pace } from "../sdk/files";
import type { FileEntry, HashedEntry, TreeWatch } from "../sdk/tree";
import { changed, lastChanged, unreadable, type ContextPart } from "./context";

const CHUNK_BYTES = 1 << 20;
/** Without O_NONBLOCK, a pipe that took the file's place would be waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Copies a tree into an empty folder, hashing the very bytes that it writes: what is built is what was hashed, or
 * nothing is. There files have mode 0644 or 0755, folders 0755, and times are 0. Like hashing in place, it does not wait
 * for each call of many small ones, but lets others have their turn.
 *
 * @throws SlipwayError CONTEXT_CHANGED
 */
export async function stageTree(part: ContextPart, watch: TreeWatch): Promise<void> {
  watch.signal?.throwIfAborted();
  const root = part.folder;
  mkdirSync(root, { recursive: true });
  const stage: Stage = { part, pace: new Pace(watch), buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES), bytes: 0 };
  const hashed: HashedEntry[] = [];
  const folders: string[] = [];
  for (const [index, entry] of part.tree.entries()) {
    if (stage.pace.isDue()) await stage.pace.pause({ entries: index, bytes: stage.bytes });
    const path = join(root, entry.path);
    if (entry.type === "file") {
      const sha256 = await copyFile(stage, entry, path, index);
      hashed.push({ type: "file", path: entry.path, executable: entry.executable, sha256 });
      continue;
    }
    hashed.push(entry);
    if (entry.type === "dir") {
      mkdirSync(path);
      folders.push(path);
    } else {
      symlinkSync(entry.target, path);
      lutimesSync(path, 0, 0);
    }
  }
  if (hashEntries(hashed) !== part.expected) throw changed(part, await lastChanged(part));
  // What is put into a folder changes its time: the deepest come first. Whatever the umask is.
  for (const folder of [...folders.toReversed(), root]) {
    if (stage.pace.isDue()) await stage.pace.pause({ entries: part.tree.length, bytes: stage.bytes });
    chmodSync(folder, 0o755);
    utimesSync(folder, 0, 0);
  }
}

interface Stage {
  readonly part: ContextPart;
  readonly pace: Pace;
  readonly buffer: Buffer;
  /** How many were copied. */
  bytes: number;
}

async function copyFile(stage: Stage, entry: FileEntry, path: string, index: number): Promise<string> {
  const { pace, buffer } = stage;
  const digest = createHash("sha256");
  const from = inFile(stage, entry, () => openSync(entry.absolutePath, READ_FLAGS));
  try {
    const to = openSync(path, "wx");
    try {
      for (;;) {
        const count = inFile(stage, entry, () => readSync(from, buffer, 0, buffer.length, null));
        if (count === 0) break;
        const chunk = buffer.subarray(0, count);
        digest.update(chunk);
        writeFileSync(to, chunk);
        stage.bytes += count;
        if (pace.isDue()) await pace.pause({ entries: index, bytes: stage.bytes });
      }
      fchmodSync(to, entry.executable ? 0o755 : 0o644);
      futimesSync(to, 0, 0);
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
  return digest.digest("hex");
}

function inFile<T>({ part }: Stage, entry: FileEntry, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(part, entry.path, cause);
  }
}
