import { symlinkSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { deleteStored, fetchStored, fetchTags, newWord, startTestRegistry, type TestRegistry } from "./registry";
import { IMPORTS, makeStack, pulumi, readState, writeFiles } from "./stack";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

/** Whoever builds has to reach it. */
const noBuilder = { SLIPWAY_BUILDER: "tcp://127.0.0.1:1" };

test("a changed mount is an update that names it, pushes it and builds nothing; the state has no byte of it", async () => {
  const [word, repository] = [newWord(), `${registry.address}/e2e/${newWord()}`];
  const program = `${IMPORTS}
const image = Image.debianSlim("3.11").runCommands("echo ${word}").addLocalFile("app.py", "/app/").addLocalDir("src", "/app/src");
const api = new BuiltImage("api", { image, repository: "${repository}" });
export const { uri, handle } = api;
`;
  const stack = await makeStack({ "index.ts": program, "app.py": word, "src/a": "1" }, registry.env);
  const leftOut = "info: 2 mounts are not in the image; use Sandbox, Mounts or strategy copy";
  const first = await pulumi(stack, "up");
  expect(first.exitCode, first.text).toBe(0);
  expect(first.lines["api"]?.filter((text) => text === leftOut)).toHaveLength(1);
  const uri = String(first.outputs["uri"]);
  expect((await fetchTags(repository)).filter((tag) => tag.startsWith("mounts-"))).toHaveLength(1);
  const state = JSON.stringify(readState(stack));
  expect(state).toContain("app.py");
  expect(state.replaceAll(`echo ${word}`, "")).not.toContain(word);

  writeFiles(stack.folder, { "app.py": "2" });
  const change = "info: mounts: app.py → /app/app.py changed; pushes them, builds nothing for them";
  const second = await pulumi(stack, "up", { env: noBuilder });
  expect(second.exitCode, second.text).toBe(0);
  expect(second.steps["api"]).toEqual(["update"]);
  expect(second.lines["api"]).toContain(change);
  expect(second.outputs["uri"]).toBe(uri);
  expect((await fetchTags(repository)).filter((tag) => tag.startsWith("mounts-"))).toHaveLength(2);

  const same = await pulumi(stack, "up", { env: noBuilder });
  expect(same.changes, same.text).toEqual({ same: 2 });
  const { mounts } = JSON.parse(JSON.stringify(same.outputs["handle"]));
  expect(mounts).toEqual({
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    ref: expect.stringContaining(`${repository}@sha256:`),
    points: [
      { kind: "file", path: "/app/app.py" },
      { kind: "dir", path: "/app/src" },
    ],
  });
  expect(await fetchStored(mounts.ref)).toBeDefined();

  await deleteStored(mounts.ref);
  const again = await pulumi(stack, "up", { env: noBuilder });
  expect(again.lines["api"], again.text).toContain(
    "info: the repository does not have the mounts any more; pushes them again",
  );
  expect(await fetchStored(mounts.ref)).toBeDefined();
});

test("a mounted file that cannot be read ends the program with its line, and nothing runs", async () => {
  const program = `${IMPORTS}
const image = Image.debianSlim("3.11").addLocalDir("src", "/app/src");
new BuiltImage("api", { image });
`;
  const stack = await makeStack({ "index.ts": program, "src/a": "" }, registry.env);
  symlinkSync("/etc/passwd", `${stack.folder}/src/l`);
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode).not.toBe(0);
  expect(preview.lines["api"]?.join("\n")).toMatch(
    /it is a link to \/etc\/passwd, outside of the folder[\s\S]*index\.ts:3/,
  );
});
