import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContextPart } from "../../provider/context";
import { stageTree } from "../../provider/staging";
import { hashTree } from "../../sdk/files";
import { listTree } from "../../sdk/list-tree";
import { expectCode } from "../fakes/registry-contract";

let folder = "";
let root = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-staging-"));
  root = join(folder, "context");
  mkdirSync(join(root, "src"), { recursive: true });
  writeFileSync(join(root, "src/file"), "text", { mode: 0o600 });
  writeFileSync(join(root, "src/run"), "run", { mode: 0o711 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function makePart(): Promise<ContextPart> {
  const tree = await listTree(root);
  return {
    folder: join(folder, "staged"),
    tree,
    expected: await hashTree(tree),
    source: "context of Dockerfile",
    root,
  };
}

const stage = (part: ContextPart) => stageTree(part, new AbortController().signal);

test("what is staged has the modes and the times that an image has", async () => {
  const part = await makePart();
  await stage(part);
  expect(readdirSync(part.folder, { recursive: true, encoding: "utf8" }).toSorted()).toEqual([
    "src",
    "src/file",
    "src/run",
  ]);
  const facts = ["", "src", "src/file", "src/run"].map((path) => statSync(join(part.folder, path)));
  expect(facts.map(({ mode }) => (mode & 0o7777).toString(8))).toEqual(["755", "755", "644", "755"]);
  expect(facts.map(({ mtimeMs }) => mtimeMs)).toEqual([0, 0, 0, 0]);
  expect(readFileSync(join(part.folder, "src/file"), "utf8")).toBe("text");
});

test("a pipe in the place of a file is told at once, and not waited for", async () => {
  const part = await makePart();
  await new Promise((resolve) => setTimeout(resolve, 15)); // What was not edited must be older.
  rmSync(join(root, "src/file"));
  execFileSync("mkfifo", [join(root, "src/file")]);
  const error = await expectCode(stage(part), "CONTEXT_CHANGED");
  expect(error.text).toBe("context of Dockerfile: src/file changed after it was hashed, so nothing was built.");
});
