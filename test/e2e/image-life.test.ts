import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import {
  deleteStored,
  fetchStored,
  newWord,
  registryEnv,
  startCountingProxy,
  startTestRegistry,
  type CountingProxy,
  type TestRegistry,
} from "./registry";
import {
  cloneFolder,
  IMPORTS,
  link,
  makeStack,
  makeTemporaryFolder,
  pulumi,
  readState,
  UNKNOWN,
  type Stack,
} from "./stack";
import { withoutBuildkit } from "./trap";

// One image's life, in the order of the tests: each goes on where the one before it ended.
const word = newWord();
const path = `e2e/${word}`;
let registry: TestRegistry;
let proxy: CountingProxy;
let stack: Stack;
let second: Stack;
let repository = "";
const refs: string[] = [];

beforeAll(async () => {
  registry = await startTestRegistry();
  proxy = await startCountingProxy(registry.address);
  repository = `${proxy.address}/${path}`;
  const env = registryEnv(proxy.address);
  const files = { "main.py": `print("${word}")\n` };
  [stack, second] = await Promise.all([
    makeStack({ ...files, "index.ts": program() }, env),
    makeStack({ ...files, "index.ts": program({ parent: false }) }, env),
  ]);
  return () => proxy.stop();
});

/** Three images over two bases. `parent`: the first has a protected parent; `more`: it has one step more. */
function program({ parent = true, more = "", packages = `"requests==2.32.3"` } = {}): string {
  return `${IMPORTS}
const repository = ociRepository("${repository}");
${parent ? `const parent = new pulumi.ComponentResource("acme:Team", "team", {}, { protect: true });` : "const parent = undefined;"}
const image = Image.debianSlim("3.11")
  .runCommands("echo ${word} > /first")
  .addLocalFile("main.py", "/app/main.py", { strategy: "copy" })
  .workdir("/app")
  .env({ GREETING: "${word}" })
  .runCommands("cat main.py > second")${more};
const api = new BuiltImage("api", { image, repository }, { parent });
const web = new BuiltImage("web", { image: Image.debianSlim("3.11").pipInstall([${packages}]), repository });
const job = new BuiltImage("job", { image: Image.base("${proxy.address}/library/python:3.11-slim-bookworm").env({ A: "1" }), repository });
new pulumi.Stash("deployment", { input: { uri: api.uri, ref: api.ref } });
export const uri = api.uri;
export const ref = api.ref;
`;
}

const digest = /^sha256:[0-9a-f]{64}$/;
const hash = /^[0-9a-f]{64}$/;

test("a preview of a new image shows its full uri, on the stack and on what uses it", async () => {
  const run = await pulumi(stack, "preview");
  expect(run.text).toMatch(new RegExp(`uri: "${repository}:[0-9a-f]{64}"`));
  expect(run.inputs["deployment"]).toEqual({ input: { uri: run.outputs["uri"], ref: UNKNOWN } });
  expect(run.inputs["api"]?.["hash"]).toMatch(hash);
  expect(run.outputs["uri"]).toBe(`${repository}:${String(run.inputs["api"]?.["hash"])}`);
  expect(run.lines["api"]).toEqual(["info: builds from the base, 5 steps: new image"]);
  expect(run.exitCode).toBe(0);
});

test("an up builds what is new, puts its hash as the tag, and prints uri and ref", async () => {
  const run = await pulumi(stack, "up");
  expect(run.exitCode, run.text).toBe(0);
  const stored = await fetchStored(String(run.outputs["uri"]));
  expect(run.outputs["ref"]).toBe(`${repository}@${stored?.digest}`);
  expect(stored?.digest).toMatch(digest);
  expect(run.text).toContain(`uri: "${String(run.outputs["uri"])}"`);
  expect(run.text).toContain(`ref: "${String(run.outputs["ref"])}"`);
  refs.push(String(run.outputs["ref"]));
});

test("the state of an image is small and holds nothing of this machine", () => {
  const api = readState(stack)["api"];
  expect(api?.id).toMatch(hash);
  const { inputs, outputs } = { inputs: api?.inputs ?? {}, outputs: api?.outputs ?? {} };
  const text = JSON.stringify({ inputs, outputs });
  expect(text.length).toBeLessThanOrEqual(4096);
  for (const trace of [
    stack.folder,
    cloneFolder,
    process.env["HOME"] ?? "/root/",
    process.env["SLIPWAY_BUILDER"] ?? "buildkitd",
  ]) {
    expect(text).not.toContain(trace);
  }
  expect(text).not.toContain(`print(`); // what main.py holds
  expect(
    Object.keys(inputs)
      .filter((name) => name.startsWith("__"))
      .sort(),
  ).toEqual(["__provider", "__urn"]);
  expect(inputs["__provider"]).toBe(readState(stack)["web"]?.inputs["__provider"]);
  expect(inputs["__provider"]).not.toContain("\n");
  expect(inputs["__provider"]).toContain("slipway/lifecycle");
});

test("the state has the user's line of an image", () => {
  const line =
    program()
      .split("\n")
      .findIndex((text) => text.startsWith("const api =")) + 1;
  expect(readState(stack)["api"]?.["sourcePosition"]).toMatch(new RegExp(`/index\\.ts#${line},`));
});

test("a second stack with the same spec shows the full ref at preview and builds nothing, without BuildKit", async () => {
  const machine = withoutBuildkit();
  const preview = await pulumi(second, "preview", { env: machine.env });
  expect(preview.outputs["ref"]).toBe(refs[0]);
  expect(preview.inputs["deployment"]).toEqual({ input: { uri: preview.outputs["uri"], ref: refs[0] } });
  expect(preview.lines["api"]).toEqual(["info: new image; exists, nothing to build"]);
  const run = await pulumi(second, "up", { env: machine.env });
  expect(run.exitCode, run.text).toBe(0);
  expect(run.outputs["ref"]).toBe(refs[0]);
  expect(readState(second)["api"]?.outputs["reused"]).toBe(true);
  expect(machine.started()).toEqual([]);
});

test("an up of what did not change asks for each base and each image once and does nothing else, without BuildKit and by another version of Slipway too", async () => {
  const copy = makeTemporaryFolder();
  cpSync(join(cloneFolder, "dist"), join(copy, "dist"), { recursive: true });
  const text = readFileSync(join(cloneFolder, "package.json"), "utf8");
  writeFileSync(join(copy, "package.json"), text.replace(/"version": "[^"]+"/, `"version": "99.0.0"`));
  for (const name of ["p-limit", "tar-stream", "valibot", "@pulumi/pulumi"]) link(copy, name);
  link(stack.folder, "slipway", copy);
  const machine = withoutBuildkit();
  proxy.requests.length = 0;
  const run = await pulumi(stack, "up", { env: machine.env });
  link(stack.folder, "slipway");
  expect(run.exitCode, run.text).toBe(0);
  expect(Object.keys(run.changes)).toEqual(["same"]);
  expect(machine.started()).toEqual([]);
  const state = readState(stack);
  const looked = ["api", "job", "web"].map((name) => `HEAD /v2/${path}/manifests/${state[name]?.id}`);
  const bases = ["docker.io", proxy.address].map(() => "GET /v2/library/python/manifests/3.11-slim-bookworm");
  expect([...proxy.requests].sort()).toEqual([...bases, ...looked].sort());
});

test("a diff shows one more package under its step and no other change of the spec", async () => {
  const more = `.runCommands("echo third > third")`;
  writeFileSync(join(stack.folder, "index.ts"), program({ more, packages: `"requests==2.32.3", "rich==13.9.4"` }));
  const run = await pulumi(stack, "preview", { args: ["--diff"] });
  expect(run.steps["web"]).toContain("replace");
  const web = run.text.slice(run.text.indexOf("::web]"));
  const changed = web.split("\n").filter((line) => /^\s+[+~-] /.test(line));
  const end = changed.findIndex((line) => line.includes("~ uri"));
  const names = changed.slice(0, end + 1).map((line) => line.trim().replace(/\s*:.*$/, ""));
  expect(web).toContain(`+ [1]: "rich==13.9.4"`);
  expect(names.filter((name) => !["- digest", "- reused", "- sizeBytes"].includes(name))).toEqual([
    "~ hash",
    "~ spec",
    "~ steps",
    "~ [0]",
    "~ packages",
    "+ [1]",
    "~ uri",
  ]);
  expect(run.lines["web"]).toEqual([`info: builds from step 1 of 1: pipInstall packages: + "rich==13.9.4"`]);
  // What uses an image sees the new address already.
  expect(run.steps["api"]).toContain("replace");
  expect(run.inputs["deployment"]).toEqual({ input: { uri: run.outputs["uri"], ref: UNKNOWN } });
  expect(run.outputs["uri"]).toBe(`${repository}:${String(run.inputs["api"]?.["hash"])}`);
  expect(run.outputs["uri"]).not.toContain(String(readState(stack)["api"]?.id));
});

test("one more step builds that step only, and a protected parent does not stand in the way", async () => {
  const run = await pulumi(stack, "up");
  expect(run.exitCode, run.text).toBe(0);
  expect(run.changes["replace"]).toBe(2);
  const built = (run.lines["api"] ?? []).filter((line) => /building.*Commands/.test(line));
  expect(built).toEqual(["info: building step 6 of 6: runCommands echo third > third"]);
  const [before, after] = await Promise.all([fetchStored(refs[0] ?? ""), fetchStored(String(run.outputs["ref"]))]);
  const layers = (stored: typeof before) => stored?.layers.map((layer) => layer.digest) ?? [];
  expect(layers(after).slice(0, -1)).toEqual(layers(before));
  refs.push(String(run.outputs["ref"]));
});

test("an image that vanished is built again by a plain up", async () => {
  await deleteStored(refs[1] ?? "");
  const run = await pulumi(stack, "up");
  expect(run.exitCode, run.text).toBe(0);
  expect(run.steps["api"]).toEqual(["update"]);
  expect(run.lines["api"]?.[0]).toBe("info: the repository does not have it any more; builds it again");
  expect(run.outputs["ref"]).toBe(refs[1]);
  expect((await fetchStored(refs[1] ?? ""))?.digest).toBe(refs[1]?.split("@")[1]);
});

test("a refresh keeps what a failing registry cannot tell, with a warning", async () => {
  const before = readState(stack)["api"];
  proxy.failWith(503);
  const run = await pulumi(stack, "refresh");
  proxy.failWith(undefined);
  expect(run.exitCode, run.text).toBe(0);
  expect(run.lines["api"]?.[0]).toMatch(/^warning: kept as it is, since the repository could not tell: .*503/);
  expect(readState(stack)["api"]?.outputs).toEqual(before?.outputs);
});

test("a refresh sees that an image vanished", async () => {
  await deleteStored(refs[1] ?? "");
  const run = await pulumi(stack, "refresh");
  expect(run.exitCode, run.text).toBe(0);
  expect(readState(stack)["api"]).toBeUndefined();
  expect(readState(stack)["web"]).toBeDefined();
});

test("a destroy leaves the image in the registry, also without node_modules", async () => {
  rmSync(join(second.folder, "node_modules"), { recursive: true });
  const run = await pulumi(second, "destroy");
  expect(run.exitCode, run.text).toBe(0);
  expect(Object.keys(readState(second))).toEqual([]);
  expect((await fetchStored(refs[0] ?? ""))?.digest).toBe(refs[0]?.split("@")[1]);
});
