import { beforeAll, expect, test } from "vitest";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchTags, newWord, startTestRegistry, type TestRegistry } from "./registry";
import { IMPORTS, makeStack, pulumi, type Run, type Stack } from "./stack";

// Two lists of steps, each shared by three images, in the order of the tests.
const word = newWord();
let registry: TestRegistry;
let stack: Stack;
let repository = "";

beforeAll(async () => {
  registry = await startTestRegistry();
  repository = `${registry.address}/e2e/${word}`;
  stack = await makeStack({ "index.ts": program(), "main.py": "print(1)\n" }, registry.env);
});

function program({ first = "echo" } = {}): string {
  return `${IMPORTS}
const repository = ociRepository("${repository}");
for (const list of ["one", "two"]) {
  const shared = Image.debianSlim("3.11").runCommands("${first} ${word}-" + list + " > /list");
  for (const name of ["a", "b", "c"]) {
    const image = shared.runCommands("echo " + name + " > /name").addLocalFile("main.py", "/srv/main.py", { strategy: "copy" });
    new BuiltImage(list + "-" + name, { image, repository });
  }
}
`;
}

const names = ["one", "two"].flatMap((list) => ["a", "b", "c"].map((name) => `${list}-${name}`));
const linesOf = (run: Run): readonly string[] => names.flatMap((name) => run.lines[name] ?? []);

test("a preview says which steps are built once, and for how many images", async () => {
  const run = await pulumi(stack, "preview");
  expect(run.exitCode, run.text).toBe(0);
  for (const name of names) {
    const line = "info: builds from the base, 3 steps, step 1 once for 3 images: new image";
    expect(run.lines[name]).toEqual([line]);
  }
});

test("shared steps that fail are one error with the cause, and a line each that says who has it", async () => {
  writeFileSync(join(stack.folder, "index.ts"), program({ first: "nosuchcommand" }));
  const run = await pulumi(stack, "up", { args: ["--parallel", "16"] });
  expect(run.exitCode).not.toBe(0);
  const errors = linesOf(run).filter((line) => line.startsWith("error:"));
  expect(errors.filter((line) => line.includes("nosuchcommand"))).toHaveLength(2);
  const waited = errors.filter((line) => /step 1, built with (one|two)-[abc], failed there/.test(line));
  expect(waited).toHaveLength(errors.length - 2);
  expect(waited.length).toBeGreaterThan(0);
  expect(await fetchTags(repository)).toEqual([]);
});

test("an up builds shared steps once", async () => {
  writeFileSync(join(stack.folder, "index.ts"), program());
  const run = await pulumi(stack, "up");
  expect(run.exitCode, run.text).toBe(0);
  const builds = linesOf(run).filter((line) => /building step 1 of/.test(line));
  expect(new Set(builds).size).toBe(2);
  expect(builds).toHaveLength(2);
  // Six images, what runs of each, and the two lists that are shared.
  expect(await fetchTags(repository)).toHaveLength(6 + 6 + 2);
});

test("a change of code says that all before it is stored", async () => {
  writeFileSync(join(stack.folder, "main.py"), "print(2)\n");
  const run = await pulumi(stack, "preview");
  expect(run.lines["one-a"]).toEqual([
    "info: builds from step 3 of 3, steps 1 to 2 stored: addLocalFile files changed",
  ]);
});
