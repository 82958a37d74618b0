import { beforeAll, expect, test } from "vitest";
import { fetchTags, newWord, startTestRegistry, type TestRegistry } from "./registry";
import { IMPORTS, makeStack, pulumi, readState, writeFiles, type Run, type Stack } from "./stack";

let registry: TestRegistry;
let stack: Stack;
let repository = "";

beforeAll(async () => {
  registry = await startTestRegistry();
  repository = `${registry.address}/e2e/${newWord()}`;
  stack = await makeStack({}, { ...registry.env, SLIPWAY_REPOSITORY: repository });
});

/** A message is for users: no line of Pulumi, Node or Slipway itself. */
function expectNoStackDump(run: Run): void {
  expect(run.text).not.toMatch(
    /node:internal|node_modules|dist\/(sdk|provider)|error serializing|Unhandled|\bat async\b/,
  );
}

async function expectNothingWritten(): Promise<void> {
  expect(await fetchTags(repository)).toEqual([]);
  expect(readState(stack)["api"]).toBeUndefined();
}

test("each wrong image of a program is reported on its own resource, and one error ends the program", async () => {
  const nowhere = `${registry.address}/e2e/nowhere:1`;
  writeFiles(stack.folder, {
    "gone.txt": "soon",
    "index.ts": `${IMPORTS}import { rmSync } from "node:fs";
const one = Image.base("${nowhere}");
const two = Image.debianSlim("3.11").addLocalFile("gone.txt", "/gone.txt", { strategy: "copy" });
rmSync("gone.txt");
new BuiltImage("good", { image: Image.debianSlim("3.11").env({ A: "1" }) });
new BuiltImage("one", { image: one });
new BuiltImage("two", { image: two });
`,
  });
  const run = await pulumi(stack, "up", { isPreviewedFirst: true });
  expect(run.exitCode).not.toBe(0);
  expect(run.lines["one"]).toHaveLength(1);
  expect(run.lines["one"]?.[0]).toContain(
    `error: base ${nowhere}: it was found nowhere.\n  - ${nowhere} does not exist`,
  );
  expect(run.lines["two"]).toHaveLength(1);
  expect(run.lines["two"]?.[0]).toContain(`error: addLocalFile("gone.txt", …): `);
  expect(run.lines["two"]?.[0]).toContain(`${stack.folder}/index.ts:4:`);
  const others = [...(run.lines["app-dev"] ?? []), ...(run.lines[""] ?? [])].filter((line) => line.startsWith("error"));
  expect(others).toEqual(["error: 2 images cannot be built; their lines say why."]);
  expectNoStackDump(run);
  expect(readState(stack)["good"]).toBeUndefined();
  await expectNothingWritten();
});

test("a build that fails shows its step, the last lines that it printed and the user's own line", async () => {
  writeFiles(stack.folder, {
    "index.ts": `${IMPORTS}
const image = Image.debianSlim("3.11")
  .env({ A: "1" })
  .runCommands("for i in $(seq 1 40); do echo line $i; done; exit 7");
new BuiltImage("api", { image });
`,
  });
  const run = await pulumi(stack, "up");
  expect(run.exitCode).not.toBe(0);
  const [line = ""] = (run.lines["api"] ?? []).filter((text) => text.startsWith("error"));
  expect(line).toContain(
    "building: step 2 of 2 failed: runCommands for i in $(seq 1 40); do echo line $i; done; exit 7: exit code 7\n",
  );
  const printed = line.split("\n").filter((text) => text.startsWith("  | "));
  expect(printed).toEqual(Array.from({ length: 30 }, (_, index) => `  | line ${index + 11}`));
  expect(line).toContain(`at ${stack.folder}/index.ts:5:`);
  expectNoStackDump(run);
  await expectNothingWritten();
});

test.for([
  [
    "an Output where a string belongs",
    `const image = Image.debianSlim("3.11").env({ A: pulumi.output("x") });`,
    "env({…}): the value of A is a Pulumi Output. Build the Image inside .apply",
  ],
  [
    "a repository without a host",
    `new BuiltImage("api", { image: Image.debianSlim("3.11"), repository: "images" });`,
    `new BuiltImage("api", …): repository "images": it names no registry host. Write <host>/<path>`,
  ],
])("%s is an error at the user's line before anything runs", async ([, line, message]) => {
  writeFiles(stack.folder, { "index.ts": `${IMPORTS}\n${line}\n` });
  const run = await pulumi(stack, "up");
  expect(run.exitCode).not.toBe(0);
  expect(run.text).toContain(message);
  expect(run.text).toContain(`at ${stack.folder}/index.ts:3:`);
  expectNoStackDump(run);
  await expectNothingWritten();
});
