import { hash, randomUUID } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { dirname, join } from "node:path";
import type { FileEntry } from "./tree";

/** Device, inode, size, mtime and ctime, 8 bytes each. */
const STAMP_BYTES = 40;
const DIGEST_BYTES = 32;
const RECORD_BYTES = STAMP_BYTES + DIGEST_BYTES;
/** Below that, hashing costs no more than reading what is known. */
const MIN_FILES = 256;
const MIN_BYTES = 8_000_000;
/** All trees together; one of them takes a quarter at most. */
const MAX_BYTES = 128_000_000;
const MAX_TREES = 256;
const MIN_AGE_MS = 60_000;
/**
 * Linux' own file systems on a disk (statfs(2)): ext4 and its elders, XFS, Btrfs, F2FS. Others do not say of every write
 * when it was: networks and FUSE answer from caches, tmpfs does not see what is written through a memory map, and what
 * is below an overlay may be any of them.
 */
const TRUSTED_TYPES: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010]);

/** What tells one state of a file from every other, as the file system sees it. */
export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  scratch[0] = dev;
  scratch[1] = ino;
  scratch[2] = size;
  scratch[3] = mtimeNs;
  scratch[4] = ctimeNs;
  return scratchBytes.toString("latin1");
}

const scratch = new BigUint64Array(STAMP_BYTES / 8);
const scratchBytes = Buffer.from(scratch.buffer);

export interface HashCacheOptions {
  /** Absolute. It is made when there is something to keep. */
  readonly folder: string;
  /** The clock of files' ctimes. */
  readonly nowMs?: () => number;
  /** Whether the file system of a folder tells of every write. */
  readonly isTrusted?: (folder: string) => boolean;
}

/**
 * The digests of files between runs, so that what is unchanged is not read again. It holds digests, and numbers of the
 * file system: no names, no contents. Whatever is wrong with it, files are hashed as without it.
 *
 * A file is unchanged when device, inode, size, mtime and ctime are: nobody sets a ctime. A young one is not trusted: a
 * write in the same tick of the clock would not show, nor would one through a memory map before the kernel has
 * written the page to the disk (it notes the first write to a page alone). Nothing outlives a boot: a crash may lose a
 * ctime, and numbers of devices are given anew.
 */
export class HashCache {
  readonly #options: HashCacheOptions;
  readonly #isTrusted: (folder: string) => boolean;

  constructor(options: HashCacheOptions) {
    this.#options = options;
    this.#isTrusted = options.isTrusted ?? isOnTrustedDisk;
  }

  /** Where it is, absolute. */
  get folder(): string {
    return this.#options.folder;
  }

  /** @param name what distinguishes the tree from others of the machine. */
  of(name: string): TreeCache {
    return { read: (files) => this.#read(name, files) };
  }

  #read(name: string, files: readonly FileEntry[]): KnownDigests | undefined {
    const isSmall = files.length < MIN_FILES && files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < MIN_BYTES;
    if (isSmall || files.length * RECORD_BYTES > MAX_BYTES / 4) return undefined;
    const boot = attempt(readBoot);
    if (boot === undefined) return undefined;
    const { folder, nowMs = Date.now } = this.#options;
    const place = { folder, name: hash("sha256", name), header: boot.header };
    const oldNs = BigInt(Math.floor(nowMs()) - boot.minAgeMs) * 1_000_000n;
    return new KnownDigests(place, oldNs, this.#isTrusted);
  }
}

/** The cache of one tree. */
export interface TreeCache {
  /** What is known of its files, before one of them is read; `undefined` where no cache is worth it. */
  readonly read: (files: readonly FileEntry[]) => KnownDigests | undefined;
}

interface Place {
  readonly folder: string;
  readonly name: string;
  readonly header: Buffer;
}

/** The digests that are known of one tree's files. */
export class KnownDigests {
  readonly #place: Place;
  readonly #oldNs: bigint;
  readonly #isTrusted: (folder: string) => boolean;
  readonly #devices = new Map<bigint, boolean>();
  readonly #records: Records;

  /** @param oldNs since when a file must have been left alone for its ctime to count. */
  constructor(place: Place, oldNs: bigint, isTrusted: (folder: string) => boolean) {
    this.#place = place;
    this.#oldNs = oldNs;
    this.#isTrusted = isTrusted;
    this.#records = attempt(() => readRecords(place)) ?? NO_RECORDS;
  }

  /**
   * The digests of files, 32 bytes for each, one after the other, and which of them are not known.
   *
   * @param files all of the tree.
   */
  find(files: readonly FileEntry[]): { readonly digests: Buffer; readonly unknown: readonly number[] } {
    const { stamps, digests } = this.#records;
    // Mostly nothing has changed.
    if (files.map(({ stamp }) => stamp).join("") === stamps) return { digests, unknown: [] };
    const places = new Map<string, number>();
    for (let place = 0; place < digests.length / DIGEST_BYTES; place += 1) {
      places.set(stamps.slice(place * STAMP_BYTES, (place + 1) * STAMP_BYTES), place);
    }
    const found = Buffer.alloc(files.length * DIGEST_BYTES);
    const unknown: number[] = [];
    for (const [index, { stamp }] of files.entries()) {
      const place = places.get(stamp);
      if (place === undefined) unknown.push(index);
      else digests.copy(found, index * DIGEST_BYTES, place * DIGEST_BYTES, (place + 1) * DIGEST_BYTES);
    }
    return { digests: found, unknown };
  }

  /** Whether the digest of a file that has this stamp before and after it is read may be kept. */
  mayKeep({ stamp, absolutePath }: FileEntry): boolean {
    scratchBytes.write(stamp, "latin1");
    const [device = 0n, , , , ctimeNs = 0n] = scratch;
    // Times of whole seconds are those of a file system that has no finer ones, or of one that a tool wrote at once.
    if (ctimeNs > this.#oldNs || ctimeNs % 1_000_000_000n === 0n) return false;
    const isTrusted = this.#devices.get(device) ?? attempt(() => this.#isTrusted(dirname(absolutePath))) ?? false;
    this.#devices.set(device, isTrusted);
    return isTrusted;
  }

  /**
   * Puts these in the place of what is known.
   *
   * @param digests 32 bytes for each file, one after the other.
   * @param isKept whether its digest belongs to its stamp.
   */
  keep(files: readonly FileEntry[], digests: Buffer, isKept: (index: number) => boolean): void {
    attempt(() => writeRecords(this.#place, files, digests, isKept));
  }
}

function readBoot(): { readonly header: Buffer; readonly minAgeMs: number } {
  const id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const [expire, every] = ["dirty_expire_centisecs", "dirty_writeback_centisecs"].map((name) =>
    Number(readFileSync(`/proc/sys/vm/${name}`, "utf8")),
  );
  // Zero: pages are written only when somebody asks for it.
  if (!expire || !every) throw new Error("nothing says when pages are written");
  const header = Buffer.from(`slipway hashes v1 ${id}\n`);
  return { header, minAgeMs: Math.max(MIN_AGE_MS, (expire + every) * 10 * 2) };
}

/** Whether what is in a folder is on a file system that tells of every write. */
export function isOnTrustedDisk(folder: string): boolean {
  return TRUSTED_TYPES.has(statfsSync(folder).type);
}

interface Records {
  readonly stamps: string;
  readonly digests: Buffer;
}

const NO_RECORDS: Records = { stamps: "", digests: Buffer.alloc(0) };

/** A file: the header, all stamps, all digests, and the SHA-256 of these. */
function readRecords({ folder, name, header }: Place): Records {
  if (!isPrivate(folder)) return NO_RECORDS;
  const bytes = readFileSync(join(folder, name));
  const end = bytes.length - DIGEST_BYTES;
  const count = (end - header.length) / RECORD_BYTES;
  if (!Number.isInteger(count) || count < 0 || !bytes.subarray(0, header.length).equals(header)) return NO_RECORDS;
  if (!hash("sha256", bytes.subarray(0, end), "buffer").equals(bytes.subarray(end))) return NO_RECORDS;
  const digestsAt = header.length + count * STAMP_BYTES;
  return { stamps: bytes.toString("latin1", header.length, digestsAt), digests: bytes.subarray(digestsAt, end) };
}

/** At once or not at all: another process reads the old or the new, and what the last one writes is right, too. */
function writeRecords(
  { folder, name, header }: Place,
  files: readonly FileEntry[],
  digests: Buffer,
  isKept: (index: number) => boolean,
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isPrivate(folder)) return;
  const kept = files.flatMap((_, index) => (isKept(index) ? [index] : []));
  const bytes = Buffer.alloc(header.length + kept.length * RECORD_BYTES + DIGEST_BYTES);
  let end = header.copy(bytes);
  for (const index of kept) end += bytes.write(files[index]?.stamp ?? "", end, "latin1");
  for (const index of kept) end += digests.copy(bytes, end, index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
  hash("sha256", bytes.subarray(0, end), "buffer").copy(bytes, end);
  const draft = join(folder, `${name}.${randomUUID()}`);
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flag: "wx" });
    renameSync(draft, join(folder, name));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  removeOldest(folder);
}

/** Where others may write, others may say what is in a file. */
function isPrivate(folder: string): boolean {
  const stats = lstatSync(folder);
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
}

function removeOldest(folder: string): void {
  const trees = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path, sizeBytes: stats.size, writtenMs: stats.mtimeMs }];
  });
  let bytes = 0;
  for (const [index, tree] of trees.sort((a, b) => b.writtenMs - a.writtenMs).entries()) {
    bytes += tree.sizeBytes;
    if (bytes > MAX_BYTES || index >= MAX_TREES) rmSync(tree.path, { force: true });
  }
}

/** `undefined` where it fails: the cache is worth no error. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
