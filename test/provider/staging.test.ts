import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ContextPart } from "../../provider/context";
import { stageTree } from "../../provider/staging";
import { hashTree } from "../../sdk/files";
import { listTree } from "../../sdk/list-tree";
import { makeFolder } from "../sdk/folder";
import { expectCode } from "../fakes/registry-contract";

async function partOf(from: string): Promise<ContextPart> {
  const tree = await listTree(from);
  return { folder: join(makeFolder(), "staged"), tree, expected: await hashTree(tree), source: "app" };
}

test("what is staged has the bytes, modes and times that were hashed, whatever file, checkout and umask have", async () => {
  const from = makeFolder({ "a/run.sh": "#!/bin/sh\n", "a/data": "x".repeat(3_000_000), "empty/": "" });
  chmodSync(join(from, "a/run.sh"), 0o700);
  chmodSync(join(from, "a/data"), 0o666);
  chmodSync(join(from, "a"), 0o700);
  symlinkSync("data", join(from, "a/link"));
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const part = await partOf(from);
  await stageTree(part, {});
  const look = (path: string) => {
    const stats = lstatSync(join(part.folder, path));
    return { mode: stats.mode & 0o7777, time: stats.mtimeMs };
  };
  expect(readdirSync(part.folder, { recursive: true, encoding: "utf8" }).sort()).toEqual([
    "a",
    "a/data",
    "a/link",
    "a/run.sh",
    "empty",
  ]);
  for (const folder of [".", "a", "empty"]) expect(look(folder)).toEqual({ mode: 0o755, time: 0 });
  expect(look("a/run.sh")).toEqual({ mode: 0o755, time: 0 });
  expect(look("a/data")).toEqual({ mode: 0o644, time: 0 });
  expect(look("a/link").time).toBe(0);
  expect(readlinkSync(join(part.folder, "a/link"))).toBe("data");
  expect(readFileSync(join(part.folder, "a/data")).equals(readFileSync(join(from, "a/data")))).toBe(true);
});

test.each<[string, (path: string) => void]>([
  ["has other bytes", (path) => writeFileSync(path, "2")],
  ["is gone", (path) => rmSync(path)],
  [
    "is a pipe",
    (path) => {
      rmSync(path);
      execFileSync("mkfifo", [path]);
    },
  ],
  [
    "is a link to itself",
    (path) => {
      rmSync(path);
      symlinkSync("b", path);
    },
  ],
])("a file that %s since it was hashed is told, and not waited for", async (_, change) => {
  const from = makeFolder({ a: "1", b: "1" });
  const part = await partOf(from);
  change(join(from, "b"));
  const error = await expectCode(stageTree(part, {}), "CONTEXT_CHANGED");
  expect(error.text).toBe("app: b changed after it was hashed, so nothing was built.");
});

test("staging tells how far it is, and ends when it is to", async () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `f${index}`);
  const part = await partOf(makeFolder(Object.fromEntries(names.map((name) => [name, name]))));
  const stop = new AbortController();
  const told: number[] = [];
  const onProgress = ({ entries }: { readonly entries: number }) => {
    told.push(entries);
    stop.abort();
  };
  await expect(stageTree(part, { signal: stop.signal, onProgress })).rejects.toThrow("aborted");
  expect(told).toHaveLength(1);
  expect(readdirSync(part.folder).length).toBeLessThan(3_000);
});
