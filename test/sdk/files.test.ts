import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, win32 } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashEntries, hashTree, statSource, toSource } from "../../sdk/files";
import { listTree } from "../../sdk/list-tree";
import type { HashedEntry } from "../../sdk/tree";
import { sentencesOf } from "./errors";
import { makeFolder } from "./folder";
import { readGolden } from "./golden";

const hashFolder = async (folder: string): Promise<string> => hashTree(await listTree(folder));

describe("hashEntries", () => {
  it("gives the golden hashes", () => {
    const cases = readGolden<{ name: string; entries: HashedEntry[]; hash: string }[]>("trees");
    expect(cases.map(({ entries }) => hashEntries(entries))).toEqual(cases.map(({ hash }) => hash));
  });

  it("is the SHA-256 of the framing that docs/hash.md specifies", () => {
    const sha256 = createHash("sha256").update("hi").digest("hex");
    const framed = `tree/v1\nd1:ax3:a/x${sha256}l4:a/ż2:..f3:b c${sha256}`;
    const entries: HashedEntry[] = [
      { type: "dir", path: "a" },
      { type: "file", path: "a/x", executable: true, sha256 },
      { type: "link", path: "a/ż", target: ".." },
      { type: "file", path: "b c", executable: false, sha256 },
    ];
    expect(hashEntries(entries)).toBe(createHash("sha256").update(framed).digest("hex"));
  });

  it("frames every part: two lists are alike only when their hashes are", () => {
    const sha256 = fc.constantFrom("0".repeat(64), "1".repeat(64));
    const entry: fc.Arbitrary<HashedEntry> = fc.oneof(
      fc.record({ type: fc.constant("dir" as const), path: fc.string() }),
      fc.record({ type: fc.constant("link" as const), path: fc.string(), target: fc.string() }),
      fc.record({ type: fc.constant("file" as const), path: fc.string(), executable: fc.boolean(), sha256 }),
    );
    const list = fc.array(entry, { maxLength: 3 });
    const same = (a: HashedEntry[], b: HashedEntry[]): boolean => JSON.stringify(a) === JSON.stringify(b);
    fc.assert(fc.property(list, list, (a, b) => (hashEntries(a) === hashEntries(b)) === same(a, b)));
  });
});

describe("hashTree", () => {
  it("is the same for two folders with the same files, whatever their place, times and order of writing", async () => {
    const a = makeFolder({ "b.txt": "b", "a/c.txt": "c", "a/b/": "" });
    const b = makeFolder({ "a/b/": "", "a/c.txt": "c", "b.txt": "b" });
    utimesSync(join(b, "b.txt"), 0, 0);
    expect(await hashFolder(a)).toBe(await hashFolder(b));
  });

  it("is the same under umask 022 and 077", async () => {
    const script = "umask $1; mkdir -p $2/d; echo hi > $2/d/f; echo hi > $2/x; chmod u+x $2/x";
    const folders = ["022", "077"].map((umask) => {
      const folder = join(makeFolder(), "tree");
      execFileSync("/bin/sh", ["-c", script, "sh", umask, folder]);
      return folder;
    });
    const [a, b] = await Promise.all(folders.map(hashFolder));
    expect(a).toBe(b);
  });

  it("sees the owner's exec bit, and no other bit", async () => {
    const folder = makeFolder({ f: "hi" });
    const path = join(folder, "f");
    chmodSync(path, 0o600);
    const plain = await hashFolder(folder);
    chmodSync(path, 0o677);
    expect(await hashFolder(folder)).toBe(plain);
    chmodSync(path, 0o700);
    expect(await hashFolder(folder)).not.toBe(plain);
  });

  it("sees an edit that keeps size and times", async () => {
    const folder = makeFolder({ f: "one" });
    utimesSync(join(folder, "f"), 1, 1);
    const before = await hashFolder(folder);
    writeFileSync(join(folder, "f"), "two");
    utimesSync(join(folder, "f"), 1, 1);
    expect(await hashFolder(folder)).not.toBe(before);
  });

  it.each([
    ["line endings", { f: "a\n" }, { f: "a\r\n" }],
    ["where a name ends and content begins", { ab: "c" }, { a: "bc" }],
    ["where one file ends", { a: "1", b: "2" }, { a: "1b2" }],
    ["an empty folder", { a: "1" }, { a: "1", "d/": "" }],
    ["a file against a folder", { a: "" }, { "a/": "" }],
    ["a name's case", { a: "" }, { A: "" }],
    ["a name's Unicode form", { "\u00e9": "" }, { "e\u0301": "" }],
  ])("sees %s", async (_, a, b) => {
    expect(await hashFolder(makeFolder(a))).not.toBe(await hashFolder(makeFolder(b)));
  });

  it("sees a link as a link, and where it leads, not what is there", async () => {
    const copy = makeFolder({ a: "hi", b: "hi" });
    const linked = makeFolder({ a: "hi" });
    symlinkSync("a", join(linked, "b"));
    const other = makeFolder({ a: "hi" });
    symlinkSync("./a", join(other, "b"));
    const hashes = await Promise.all([copy, linked, other].map(hashFolder));
    expect(new Set(hashes).size).toBe(3);
  });

  it("reads files that are larger than its buffer", async () => {
    const bytes = Buffer.alloc(3_000_000, "slipway");
    const folder = makeFolder();
    writeFileSync(join(folder, "f"), bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(await hashFolder(folder)).toBe(hashEntries([{ type: "file", path: "f", executable: false, sha256 }]));
  });
});

describe("toSource", () => {
  it.each<[string | URL, string]>([
    ["a/b", "a/b"],
    ["./a//b/", "a/b"],
    ["/work/x", "../x"],
    [".", "."],
    [pathToFileURL("/work/app/a b"), "a b"],
    ["file:///work/app/a%20b", "a b"],
  ])("keeps %s relative to the program's folder", (path, source) => {
    expect(toSource(path, "/work/app")).toBe(source);
  });
});

describe("toSource on Windows", () => {
  it.each<[path: string | URL, folder: string, source: string]>([
    ["src", "C:\\work\\app", "src"],
    ["..\\lib\\a b", "C:\\work\\app", "../lib/a b"],
    ["./src/x/", "C:\\work\\app", "src/x"],
    ["C:\\work\\app\\src", "C:\\work\\app", "src"],
    ["c:/WORK/app/Src", "C:\\work\\app", "Src"],
    ["C:src", "C:\\work\\app", "src"],
    ["\\work\\lib", "C:\\work\\app", "../lib"],
    ["C:\\work\\app", "C:\\work\\app\\", "."],
    ["\\\\?\\C:\\work\\lib", "C:\\work\\app", "../lib"],
    ["C:\\work\\lib", "\\\\?\\C:\\work\\app", "../lib"],
    ["\\\\host\\share\\lib", "\\\\host\\share\\app", "../lib"],
    ["\\\\?\\UNC\\host\\share\\lib", "\\\\host\\share\\app", "../lib"],
    ["file:///C:/work/app/a%20b", "C:\\work\\app", "a b"],
    [new URL("file:///c:/work/lib"), "C:\\work\\app", "../lib"],
    ["file://host/share/lib", "\\\\host\\share\\app", "../lib"],
  ])("keeps %s from %s", (path, folder, source) => {
    expect(toSource(path, folder, win32)).toBe(source);
  });

  it.each(["D:\\data", "\\\\host\\share\\data", "file:///D:/data"])("refuses %s from another drive", (path) => {
    expect(sentencesOf(() => toSource(path, "C:\\work\\app", win32))).toMatch(
      /^\S+ is on another drive than the program's folder, C:\\work\\app\. Keep both on one drive: paths are kept relative\.$/,
    );
  });
});

describe("statSource", () => {
  it("tells what is there", () => {
    const folder = makeFolder({ f: "", "d/": "" });
    symlinkSync("f", join(folder, "l"));
    symlinkSync("o", join(folder, "o"));
    execFileSync("mkfifo", [join(folder, "p")]);
    expect(["f", "d", "l", "p", "x", "o"].map((name) => statSource(name, folder))).toEqual([
      "file",
      "dir",
      "file",
      "other",
      "missing",
      "loop",
    ]);
  });
});

it("a tree that was moved keeps its hash", async () => {
  const folder = makeFolder({ "a/f": "hi" });
  const before = await hashFolder(join(folder, "a"));
  mkdirSync(join(folder, "b"));
  renameSync(join(folder, "a"), join(folder, "b/c"));
  expect(await hashFolder(join(folder, "b/c"))).toBe(before);
  expect(readFileSync(join(folder, "b/c/f"), "utf8")).toBe("hi");
});
