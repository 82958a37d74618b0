import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hashTree } from "../../sdk/files";
import { HashCache, isOnTrustedDisk, type HashCacheOptions } from "../../sdk/hash-cache";
import { listTree } from "../../sdk/list-tree";
import type { Tree } from "../../sdk/tree";
import { makeFolder } from "./folder";

const HOUR_MS = 3_600_000;
const IN_B = 10;

/** A folder that is worth a cache, and a cache of an hour later, when no file is young. */
function makeCached({ files = 300, ...options }: Partial<HashCacheOptions> & { readonly files?: number } = {}) {
  const whole = makeFolder({ "tree/a/": "", "tree/b/": "" });
  const root = join(whole, "tree");
  for (let index = 0; index < files; index += 1) {
    writeFileSync(join(root, index < IN_B ? "b" : "a", `f${index % (files - IN_B)}`), `content ${10_000 + index}`);
  }
  const folder = join(whole, "cache");
  const isTrusted = (): boolean => true;
  const cache = new HashCache({ folder, nowMs: () => Date.now() + HOUR_MS, isTrusted, ...options }).of("tree");
  return {
    whole,
    root,
    folder,
    hash: async () => hashTree(await listTree(root), {}, cache),
    hashListed: (tree: Tree) => hashTree(tree, {}, cache),
    hashPlain: async () => hashTree(await listTree(root)),
    /** The files that the next hashing reads. */
    unknown: async () => {
      const files = (await listTree(root)).filter((entry) => entry.type === "file");
      return cache
        .read(files)
        ?.find(files)
        .unknown.map((index) => files[index]?.path);
    },
  };
}

/** Changes a file's content, and puts back what a user can: its size and its mtime. */
function rewrite(path: string, write: (bytes: Buffer) => void): void {
  const { atime, mtime, size } = statSync(path);
  write(Buffer.alloc(size, "X"));
  utimesSync(path, atime, mtime);
  expect(statSync(path)).toMatchObject({ size, mtimeMs: mtime.getTime() });
}

/** Sets mtimes that utimes can give back. */
function evenTimes(...paths: readonly string[]): void {
  for (const path of paths) utimesSync(path, 1_700_000_000, 1_700_000_000);
}

describe("a hash cache", () => {
  it("spares the reading of what is unchanged, and gives the same hash", async () => {
    const { root, hash, hashPlain, unknown } = makeCached();
    expect(await unknown()).toHaveLength(300);
    const first = await hash();
    expect(first).toBe(await hashPlain());
    expect(await unknown()).toEqual([]);
    expect(await hash()).toBe(first);
    writeFileSync(join(root, "a/f1"), "other");
    writeFileSync(join(root, "a/new"), "new");
    rmSync(join(root, "b/f2"));
    expect(await unknown()).toEqual(["a/f1", "a/new"]);
    expect(await hash()).toBe(await hashPlain());
    expect(await unknown()).toEqual([]);
  });

  const edits: Readonly<Record<string, (path: string, whole: string) => void>> = {
    "written in place": (path) => rewrite(path, (bytes) => writeFileSync(path, bytes, { flag: "r+" })),
    "truncated and written": (path) => rewrite(path, (bytes) => writeFileSync(path, bytes)),
    "replaced by another one": (path, whole) =>
      rewrite(path, (bytes) => {
        writeFileSync(join(whole, "other"), bytes);
        renameSync(join(whole, "other"), path);
      }),
    "written through another name": (path, whole) =>
      rewrite(path, (bytes) => {
        linkSync(path, join(whole, "other"));
        writeFileSync(join(whole, "other"), bytes);
        rmSync(join(whole, "other"));
      }),
  };
  it.each(Object.entries(edits))("sees a file that was %s with size and mtime put back", async (_, edit) => {
    const { whole, root, hash, hashPlain, unknown } = makeCached();
    evenTimes(join(root, "a/f1"));
    const before = await hash();
    edit(join(root, "a/f1"), whole);
    expect(await unknown()).toEqual(["a/f1"]);
    expect(await hash()).toBe(await hashPlain());
    expect(await hash()).not.toBe(before);
  });

  it("follows files and folders that change places", async () => {
    const { root, hash, hashPlain } = makeCached();
    const before = await hash();
    const exchange = (one: string, other: string): void => {
      renameSync(join(root, one), join(root, "third"));
      renameSync(join(root, other), join(root, one));
      renameSync(join(root, "third"), join(root, other));
    };
    for (const [one, other] of [["a", "b"] as const, ["a/f1", "a/f2"] as const]) {
      exchange(one, other);
      expect(await hash()).toBe(await hashPlain());
      expect(await hash()).not.toBe(before);
    }
  });

  it("does not know young files: a write in the same tick of the clock would not show", async () => {
    const { hash, unknown, folder } = makeCached({ nowMs: Date.now });
    await hash();
    expect(await unknown()).toHaveLength(300);
    expect(() => lstatSync(folder)).toThrow("ENOENT");
  });

  // So many are hashed in threads.
  it.each([300, 2_100])("does not know one of %d files that changed until it was read", async (count) => {
    const { root, hash, hashListed, hashPlain, unknown } = makeCached({ files: count });
    const listed = await listTree(root);
    const before = await hashPlain();
    writeFileSync(join(root, "a/f1"), "changed");
    renameSync(join(root, "b"), join(root, "hidden"));
    mkdirSync(join(root, "b"));
    for (let index = 0; index < IN_B; index += 1) writeFileSync(join(root, "b", `f${index}`), "other");
    expect(await hashListed(listed)).not.toBe(before);
    rmSync(join(root, "b"), { recursive: true });
    renameSync(join(root, "hidden"), join(root, "b"));
    const files = listed.flatMap((entry) => (entry.type === "file" ? [entry.path] : []));
    expect(await unknown()).toEqual(files.filter((path) => path === "a/f1" || path.startsWith("b/")));
    expect(await hash()).toBe(await hashPlain());
  });

  it("keeps nothing of file systems that may not tell of a write", async () => {
    const { hash, unknown } = makeCached({ isTrusted: () => false });
    await hash();
    expect(await unknown()).toHaveLength(300);
    const disks = ["ext2/ext3", "xfs", "btrfs", "f2fs"];
    for (const folder of [tmpdir(), "/", "/proc", "/sys", "/dev"]) {
      const type = execFileSync("stat", ["-f", "-c", "%T", folder], { encoding: "utf8" }).trim();
      expect([folder, isOnTrustedDisk(folder)]).toEqual([folder, disks.includes(type)]);
    }
  });

  it("keeps nothing of a few small files", async () => {
    const { root, hash, unknown, folder } = makeCached();
    rmSync(join(root, "a"), { recursive: true });
    await hash();
    expect(await unknown()).toBeUndefined();
    expect(() => lstatSync(folder)).toThrow("ENOENT");
  });

  it("holds digests and numbers for its user alone", async () => {
    const { hash, folder } = makeCached();
    await hash();
    const [name = ""] = readdirSync(folder);
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect([folder, join(folder, name)].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
    const bytes = readFileSync(join(folder, name));
    const header = bytes.indexOf("\n") + 1;
    expect(bytes.length).toBe(header + 300 * (5 * 8 + 32) + 32);
    expect(bytes.includes("content")).toBe(false);
  });

  const damages: Readonly<Record<string, (path: string) => void>> = {
    empty: (path) => truncateSync(path, 0),
    "cut off": (path) => truncateSync(path, statSync(path).size - 72),
    "with another bit": (path) => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
    "of another boot": (path) => {
      const text = readFileSync(path, "latin1");
      writeFileSync(path, text.replace(/[0-9a-f]{8}-/, "00000000-"), "latin1");
    },
    "something else": (path) => writeFileSync(path, "hello"),
  };
  it.each(Object.entries(damages))("is as good as none when its file is %s, and then replaced", async (_, damage) => {
    const { hash, hashPlain, unknown, folder } = makeCached();
    await hash();
    damage(join(folder, readdirSync(folder)[0] ?? ""));
    expect(await unknown()).toHaveLength(300);
    expect(await hash()).toBe(await hashPlain());
    expect(await unknown()).toEqual([]);
  });

  it("is neither read nor written where others may write", async () => {
    const { hash, hashPlain, unknown, folder } = makeCached();
    await hash();
    chmodSync(folder, 0o777);
    expect(await unknown()).toHaveLength(300);
    expect(await hash()).toBe(await hashPlain());
    chmodSync(folder, 0o700);
    expect(await unknown()).toEqual([]);
  });

  it("is done without where it cannot be written", async () => {
    const whole = makeFolder({ file: "" });
    const { hash, hashPlain } = makeCached({ folder: join(whole, "file/cache") });
    expect(await hash()).toBe(await hashPlain());
  });

  it("does not grow: the trees that were written first go", async () => {
    const { hash, unknown, folder } = makeCached();
    mkdirSync(folder);
    const write = (name: string, second: number, sizeBytes = 3): void => {
      writeFileSync(join(folder, name), "");
      truncateSync(join(folder, name), sizeBytes);
      utimesSync(join(folder, name), second, second);
    };
    for (let second = 0; second < 300; second += 1) write(`${second}`, second);
    write("large", 250, 127_999_000);
    await hash();
    // By number 255 of 300 are left with the new one, and by size those that are younger than the large one.
    expect(readdirSync(folder).toSorted()).toEqual([
      ...Array.from({ length: 50 }, (_, index) => `${index + 250}`),
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
    rmSync(join(folder, "299"));
    for (let second = 0; second < 300; second += 1) write(`${second}`, second);
    rmSync(join(folder, readdirSync(folder).find((name) => name.length === 64) ?? ""));
    await hash();
    expect(readdirSync(folder)).toHaveLength(256);
    expect(readdirSync(folder)).toContain("45");
    expect(readdirSync(folder)).not.toContain("44");
    expect(await unknown()).toEqual([]);
  });

  it("serves several processes at once", { timeout: 60_000 }, async () => {
    const { root, folder, hash, hashPlain, unknown } = makeCached();
    const jiti = require.resolve("jiti/package.json").replace("package.json", "lib/jiti-cli.mjs");
    const args = [jiti, join(__dirname, "hash-cached.ts"), root, folder];
    const env = { ...process.env, JITI_FS_CACHE: "false" };
    const runs = await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, args, { env })));
    const hashes = runs.flatMap(({ stdout }) => stdout.trim().split("\n"));
    expect(hashes).toHaveLength(40);
    expect(new Set(hashes)).toEqual(new Set([await hashPlain()]));
    await hash();
    expect(await unknown()).toEqual([]);
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });
});
