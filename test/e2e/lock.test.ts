import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fetchTags, newWord, registryEnv, startCountingProxy, startTestRegistry, type CountingProxy } from "./registry";
import { IMPORTS, makeStack, pulumi, readState, type Run, type Stack } from "./stack";

// One program and its lock, in the order of the tests: each goes on where the one before it ended.
const reference = "docker.io/library/python:3.11-slim-bookworm";
const basePath = "/v2/library/python/manifests/3.11-slim-bookworm";
const repositoryPath = `e2e/${newWord()}`;
const writing = { SLIPWAY_LOCK: "write" };
const manifestType = "application/vnd.oci.image.manifest.v1+json";
let proxy: CountingProxy;
let stack: Stack;

beforeAll(async () => {
  const registry = await startTestRegistry();
  proxy = await startCountingProxy(registry.address);
  const env = { ...registryEnv(proxy.address), SLIPWAY_REPOSITORY: `${proxy.address}/${repositoryPath}` };
  stack = await makeStack({ "index.ts": program() }, env);
  return () => proxy.stop();
});

function program({ more = "" } = {}): string {
  return `${IMPORTS}
const base = Image.debianSlim("3.11");
new BuiltImage("api", { image: base.env({ A: "${repositoryPath}" }) });
new BuiltImage("job", { image: pulumi.output(base.runCommands("echo ${repositoryPath}")) });
${more}
`;
}

/** Pushes another image to the base's tag, and gives its digest. */
async function moveBase(): Promise<string> {
  const url = `http://${proxy.address}${basePath}`;
  const manifest = JSON.parse(await (await fetch(url, { headers: { accept: manifestType } })).text());
  const body = JSON.stringify({ ...manifest, annotations: { word: newWord() } });
  const response = await fetch(url, { method: "PUT", body, headers: { "content-type": manifestType } });
  proxy.requests.length = 0;
  return response.headers.get("docker-content-digest") ?? "";
}

const short = (digest: string): string => digest.slice(0, "sha256:".length + 12);
const path = () => join(stack.folder, "images.lock.json");
const locked = () => JSON.parse(readFileSync(path(), "utf8")).bases;
const baseDigest = () => {
  const spec: { base: { digests: { "linux/amd64": string } } } = JSON.parse(
    String(readState(stack)["api"]?.inputs["spec"]),
  );
  return spec.base.digests["linux/amd64"];
};
const baseRequests = () => proxy.requests.filter((request) => request.includes(" /v2/library/python/"));
const warnings = ({ lines }: Run) =>
  [...(lines["app-dev"] ?? []), ...(lines[""] ?? [])].filter((line) => /^(warning|error)/.test(line));

test("without a lock nothing is said of one, and a base that moved is told with how to pin it", async () => {
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.text).not.toContain("lock");
  const [old, now] = [baseDigest(), await moveBase()];
  const preview = await pulumi(stack, "preview");
  const line = `base ${reference} moved ${short(old)} → ${short(now)}; pin it with slipway lock`;
  expect(preview.lines["api"]).toEqual([`info: builds from the base, 1 step: ${line}`]);
  expect(preview.lines["job"]).toEqual([`info: builds from the base, 1 step: ${line}`]);
  expect(existsSync(path())).toBe(false);
});

test("SLIPWAY_LOCK=write records at preview what the program resolved, and the move is told without the hint", async () => {
  const now = await moveBase();
  const preview = await pulumi(stack, "preview", { env: writing });
  expect(preview.exitCode, preview.text).toBe(0);
  expect(locked()).toEqual({ [reference]: { digest: now, platforms: { "linux/amd64": { digest: now } } } });
  const line = `base ${reference} moved ${short(baseDigest())} → ${short(now)}`;
  expect(preview.lines["api"]).toEqual([`info: builds from the base, 1 step: ${line}`]);
  expect(preview.text).toContain(`images.lock.json has now ${reference} for linux/amd64`);
});

test("an up builds on what is locked, though the tag has moved on, and asks no registry what the base is", async () => {
  const { digest } = locked()[reference];
  await moveBase();
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.changes["replace"]).toBe(2);
  expect(baseDigest()).toBe(digest);
  expect(proxy.requests).not.toContain(`GET ${basePath}`);
  expect(warnings(up)).toEqual([]);
});

test("an up of what did not change asks nothing of the base's registry", async () => {
  await moveBase();
  const up = await pulumi(stack, "up");
  expect(Object.keys(up.changes)).toEqual(["same"]);
  expect(baseRequests()).toEqual([]);
  expect(proxy.requests).toHaveLength(2); // Whether the two images are there.
});

test("a lock that was upgraded says what moved, without the hint", async () => {
  const before = readFileSync(path(), "utf8");
  const [old, now] = [baseDigest(), await moveBase()];
  writeFileSync(path(), before.replaceAll(old, now));
  const preview = await pulumi(stack, "preview");
  writeFileSync(path(), before);
  const line = `base ${reference} moved ${short(old)} → ${short(now)}`;
  expect(preview.lines["api"]).toEqual([`info: builds from the base, 1 step: ${line}`]);
});

test("what the lock lacks is resolved with one warning that names all of it, and nothing is written", async () => {
  const before = readFileSync(path(), "utf8");
  const other = `${proxy.address}/library/python:3.11-slim-bookworm`;
  const more = `new BuiltImage("other", { image: Image.base("${other}") });
new BuiltImage("both", { image: base, platforms: ["linux/amd64", "linux/arm64"] });`;
  writeFileSync(join(stack.folder, "index.ts"), program({ more }));
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  const missing = [`${other} for linux/amd64`, `${reference} for linux/arm64`].sort().join(", ");
  expect(warnings(preview)).toEqual([
    `warning: images.lock.json does not have ${missing}: a registry was asked. Add them with slipway lock.`,
  ]);
  expect(readFileSync(path(), "utf8")).toBe(before);
});

test.each([
  [
    "with a merge conflict",
    "<<<<<<< HEAD\n",
    writing,
    'images.lock.json: line 1 is a marker of a merge conflict, "<<<<<<< HEAD".',
  ],
  ["beside an unknown value of SLIPWAY_LOCK", undefined, { SLIPWAY_LOCK: "on" }, 'SLIPWAY_LOCK: "on" is no way'],
])("a lock %s is one error for the whole program, and nothing is written", async (_what, text, env, message) => {
  const before = readFileSync(path(), "utf8");
  const tags = await fetchTags(`${proxy.address}/${repositoryPath}`);
  if (text !== undefined) writeFileSync(path(), text);
  proxy.requests.length = 0;
  const up = await pulumi(stack, "up", { env, isPreviewedFirst: true });
  const after = readFileSync(path(), "utf8");
  writeFileSync(path(), before);
  expect(up.exitCode).not.toBe(0);
  const errors = Object.values(up.lines)
    .flat()
    .filter((line) => line.startsWith("error"));
  expect(errors).toEqual([expect.stringContaining(message)]);
  expect(up.text).not.toMatch(/node:internal|node_modules|dist\/(sdk|provider)|Unhandled/);
  expect(proxy.requests).toEqual([]);
  expect(after).toBe(text ?? before);
  expect(await fetchTags(`${proxy.address}/${repositoryPath}`)).toEqual(tags);
});

test("a program with a wrong image records nothing", async () => {
  rmSync(path());
  const more = `new BuiltImage("wrong", { image: Image.base("${proxy.address}/gone:1") });`;
  writeFileSync(join(stack.folder, "index.ts"), program({ more }));
  const preview = await pulumi(stack, "preview", { env: writing });
  expect(preview.exitCode).not.toBe(0);
  expect(preview.lines["wrong"]?.[0]).toContain("it was found nowhere.");
  expect(existsSync(path())).toBe(false);
});
