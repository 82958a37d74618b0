import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSmallMounts } from "../../provider/small-mounts";
import type { Mount } from "../../sdk/step";
import { makeFolder } from "../sdk/folder";

const src: Mount = { kind: "copyDir", source: "src", destination: "/app/src" };
const read = (folder: string, ...mounts: readonly Mount[]) => readSmallMounts(mounts, folder);

test("plain files are read with their exec bits, and what is left out by default stays out", () => {
  const folder = makeFolder({
    "src/run.sh": "#!",
    "src/.env": "TOKEN=1",
    "src/a/b": "c",
    "src/.dockerignore": "*.md",
    "src/x.md": "",
  });
  chmodSync(join(folder, "src", "run.sh"), 0o700);
  const found = read(folder, src);
  if (found.kind !== "small") throw new Error(found.reason);
  expect(found.points).toEqual([{ path: "/app/src", kind: "dir" }]);
  expect(found.files.map(({ path, bytes, executable }) => [path, bytes.toString(), executable])).toEqual([
    ["0/a/b", "c", false],
    ["0/run.sh", "#!", true],
  ]);
});

test("a file that lies in a mounted folder takes the place of the folder's own", () => {
  const folder = makeFolder({ "src/conf": "old", new: "new" });
  const found = read(folder, { kind: "copyFile", source: "new", destination: "/app/src/conf" }, src);
  if (found.kind !== "small") throw new Error(found.reason);
  expect(found.files.map(({ path, bytes }) => [path, bytes.toString()])).toEqual([["0/conf", "new"]]);
});

test("exactly 1 MiB is small, one byte more is not", () => {
  const folder = makeFolder({ "src/a": "" });
  writeFileSync(join(folder, "src", "a"), Buffer.alloc(1 << 20));
  expect(read(folder, src).kind).toBe("small");
  writeFileSync(join(folder, "src", "b"), "x");
  expect(read(folder, src)).toEqual({ kind: "other", reason: "they have more than 1 MiB" });
});

test("links, empty folders and too many files are no matter of a ConfigMap", () => {
  const linked = makeFolder({ "src/a": "" });
  symlinkSync("a", join(linked, "src", "l"));
  expect(read(linked, src)).toEqual({ kind: "other", reason: "l is a link" });
  expect(read(makeFolder({ "src/a": "", "src/e/": "" }), src)).toEqual({
    kind: "other",
    reason: "e is an empty folder",
  });
  expect(read(makeFolder({ "src/": "" }), src)).toEqual({ kind: "other", reason: "src is empty" });
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`src/${index}`, ""]));
  expect(read(makeFolder(many), src)).toEqual({ kind: "other", reason: "they are more than 200 files" });
  expect(read(makeFolder({}), src)).toEqual({ kind: "other", reason: "not all of them can be read" });
});
