import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lutimes, mkdir, open, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { hashEntries } from "../sdk/files";
import type { HashedEntry, TreeEntry } from "../sdk/tree";
import { changed, lastChanged, unreadable, type ContextPart } from "./context";

const CHUNK_BYTES = 1 << 20;

/**
 * Copies a tree into an empty folder, hashing the very bytes that it writes: what is built is what was hashed, or
 * nothing is. There files have mode 0644 or 0755, folders 0755, and times are 0.
 *
 * @throws SlipwayError CONTEXT_CHANGED
 */
export async function stageTree(part: ContextPart, signal: AbortSignal): Promise<void> {
  const root = part.folder;
  await mkdir(root, { recursive: true });
  const hashed: HashedEntry[] = [];
  const folders: string[] = [];
  for (const entry of part.tree) {
    signal.throwIfAborted();
    const path = join(root, entry.path);
    if (entry.type === "dir") folders.push(path);
    hashed.push(await stageEntry(part, entry, path));
  }
  if (hashEntries(hashed) !== part.expected) throw changed(part, await lastChanged(part));
  // What is put into a folder changes its time: the deepest come first.
  for (const folder of [...folders.toReversed(), root]) await settle(folder, 0o755);
}

async function stageEntry(part: ContextPart, entry: TreeEntry, path: string): Promise<HashedEntry> {
  switch (entry.type) {
    case "dir":
      await mkdir(path);
      return entry;
    case "link":
      await symlink(entry.target, path);
      await lutimes(path, 0, 0);
      return entry;
    case "file": {
      const sha256 = await copyFile(part, entry, path);
      await settle(path, entry.executable ? 0o755 : 0o644);
      return { type: "file", path: entry.path, executable: entry.executable, sha256 };
    }
  }
}

async function copyFile(
  part: ContextPart,
  entry: TreeEntry & { readonly type: "file" },
  path: string,
): Promise<string> {
  const digest = createHash("sha256");
  // Without O_NONBLOCK, a pipe that took the file's place would be waited for.
  const from = await open(entry.absolutePath, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(part, entry.path, cause);
  });
  const to = await open(path, "wx");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, entry.sizeBytes + 1));
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return digest.digest("hex");
      digest.update(buffer.subarray(0, bytesRead));
      await to.writeFile(buffer.subarray(0, bytesRead));
    }
  } catch (cause) {
    throw unreadable(part, entry.path, cause);
  } finally {
    await from.close();
    await to.close();
  }
}

/** Whatever the umask is. */
async function settle(path: string, mode: number): Promise<void> {
  await chmod(path, mode);
  await utimes(path, 0, 0);
}
