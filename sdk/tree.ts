/** One thing in a tree: what of it reaches the image, and where its bytes are. */
export type TreeEntry = FolderEntry | LinkEntry | FileEntry;

interface FolderEntry {
  readonly type: "dir";
  readonly path: string;
}

interface LinkEntry {
  readonly type: "link";
  readonly path: string;
  readonly target: string;
}

export interface FileEntry {
  readonly type: "file";
  /** In the tree, `/`-separated. */
  readonly path: string;
  /** On this machine. */
  readonly absolutePath: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** Another one whenever its content may be another: hash-cache.ts. */
  readonly stamp: string;
}

/** What of an entry is identity; a file is represented by the SHA-256 of its bytes (64 hex digits). */
export type HashedEntry =
  Exclude<TreeEntry, { type: "file" }> | { type: "file"; path: string; executable: boolean; sha256: string };

/** Entries in the order of their paths' UTF-8 bytes. */
export type Tree = readonly TreeEntry[];

/** How far a listing or a hashing is. */
export interface TreeProgress {
  readonly entries: number;
  readonly bytes: number;
}

/** Who waits for a tree: what takes long is told, and can be ended. */
export interface TreeWatch {
  readonly signal?: AbortSignal | undefined;
  /** Called every few milliseconds. */
  readonly onProgress?: ((progress: TreeProgress) => void) | undefined;
}

/** Orders by texts, as their UTF-8 bytes are. */
export function utf8Order<T>(items: readonly T[], textOf: (item: T) => string): (a: T, b: T) => number {
  // Only surrogates stand elsewhere in UTF-16 than in UTF-8.
  const isPlain = !items.some((item) => /[\ud800-\udfff]/.test(textOf(item)));
  if (!isPlain) return (a, b) => compareUtf8(textOf(a), textOf(b));
  return (a, b) => {
    const one = textOf(a);
    const other = textOf(b);
    return one < other ? -1 : one === other ? 0 : 1;
  };
}

function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rank(a.charCodeAt(index)) - rank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** A name as file systems see it that ignore case and Unicode form. */
export function foldName(name: string): string {
  return /^[ -@[-~]*$/.test(name) ? name : name.normalize("NFC").toLowerCase();
}
