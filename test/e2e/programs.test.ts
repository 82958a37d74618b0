import { execFile } from "node:child_process";
import { cpSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { fetchStored, newWord, startTestRegistry, type TestRegistry } from "./registry";
import {
  cloneFolder,
  IMPORTS,
  initStack,
  link,
  makeStack,
  makeTemporaryFolder,
  pulumi,
  stackEnv,
  UNKNOWN,
  writeFiles,
} from "./stack";

const run = promisify(execFile);
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

test("what addLocalDir left out by default is told on the resource, once for a folder", async () => {
  const program = `${IMPORTS}
const image = Image.debianSlim("3.11").addLocalDir("src", "/app", { strategy: "copy", ignore: ["b"] });
new BuiltImage("api", { image });
new BuiltImage("web", { image: image.workdir("/app") });
`;
  const files = { "index.ts": program, "src/a": newWord(), "src/b": "", "src/.env": "TOKEN=1", "src/d/.env": "" };
  const stack = await makeStack(files, registry.env);
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  const told = Object.values(preview.lines).flatMap((lines) => lines ?? []);
  expect(told.filter((line) => line.includes("left out"))).toEqual([
    'info: addLocalDir("src", …): left out .env (2): add { include: [...] } to copy them',
  ]);
});

test("a repository, a base and an image may come from other resources", async () => {
  const repository = `${registry.address}/e2e/${newWord()}`;
  const program = `${IMPORTS}
class Place extends pulumi.dynamic.Resource {
  declare readonly url: pulumi.Output<string>;
  constructor(name: string) {
    super({ create: async () => ({ id: "place", outs: { url: "${repository}" } }) }, name, { url: undefined });
  }
}
const repository = new Place("place").url;
const first = new BuiltImage("first", { image: Image.debianSlim("3.11").runCommands("echo ${newWord()}"), repository });
const image = first.ref.apply((ref) => Image.base(ref).runCommands("echo second"));
const second = new BuiltImage("second", { image, repository: ociRepository(repository) });
const third = new BuiltImage("third", { image: pulumi.output(Image.debianSlim("3.11").env({ A: "1" })) });
export const handle = first.handle;
export const uris: pulumi.Output<string[]> = pulumi.all([first.uri, second.uri, third.uri]);
export const refs = [first.ref, second.ref, third.ref];
`;
  const tsconfig = `{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true, "skipLibCheck": true, "types": ["node"] } }`;
  // With its types checked, as Pulumi does it unasked.
  const stack = await makeStack(
    { "index.ts": program, "tsconfig.json": tsconfig },
    { ...registry.env, PULUMI_NODEJS_TRANSPILE_ONLY: "false" },
  );
  link(stack.folder, "@types/node");

  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  expect(preview.inputs["first"]?.["hash"]).toMatch(/^[0-9a-f]{64}$/);
  expect(preview.inputs["first"]?.["uri"]).toBe(UNKNOWN);
  expect(preview.lines["first"]).toEqual([
    "info: the repository is not known yet, so neither is whether the image exists",
  ]);
  expect(preview.inputs["second"]?.["hash"]).toBe(UNKNOWN);
  expect(preview.inputs["third"]?.["uri"]).toMatch(new RegExp(`^${registry.address}/images:[0-9a-f]{64}$`));

  const up = await pulumi(stack, "up", { env: { PULUMI_NODEJS_TRANSPILE_ONLY: "true" } });
  expect(up.exitCode, up.text).toBe(0);
  const [first, second] = [up.inputs["first"], up.inputs["second"]];
  expect(up.outputs["uris"]).toEqual([
    `${repository}:${String(first?.["hash"])}`,
    `${repository}:${String(second?.["hash"])}`,
    up.inputs["third"]?.["uri"],
  ]);
  expect(first?.["hash"]).toBe(preview.inputs["first"]?.["hash"]);
  const stored = await Promise.all([
    fetchStored(`${repository}:${String(first?.["hash"])}`),
    fetchStored(`${repository}:${String(second?.["hash"])}`),
  ]);
  const [layers, more] = stored.map((manifest) => manifest?.layers.map((layer) => layer.digest) ?? []);
  expect(more?.slice(0, -1)).toEqual(layers);
  expect(up.outputs["handle"]).toMatchObject({
    ref: `${repository}@${stored[0]?.digest}`,
    hash: first?.["hash"],
    platforms: ["linux/amd64"],
    platformDigests: { "linux/amd64": stored[0]?.digest },
  });
});

test("a program in a pnpm workspace may use Slipway through a wrapper package", async () => {
  const root = makeTemporaryFolder();
  const clone = (name: string) => join(realpathSync(join(cloneFolder, "node_modules")), name);
  // Slipway as it is published, and Pulumi's SDK: pnpm lays both out in its store of this workspace.
  for (const path of ["dist", "package.json"])
    cpSync(join(cloneFolder, path), join(root, "packed", path), { recursive: true });
  writeFiles(root, {
    "package.json": `{ "name": "workspace", "private": true }`,
    "pnpm-workspace.yaml": "packages: [apps/*, packages/*]\n",
    // There is no network: what the two packages depend on are links to the clone's.
    ".pnpmfile.cjs": `
const local = (names = {}) => Object.fromEntries(Object.keys(names).map((name) => [name, "link:${clone("")}/" + name]));
module.exports = { hooks: { readPackage: (package) => {
  if (package.name === "@pulumi/pulumi") package.dependencies = local(package.dependencies);
  if (package.name === "slipway") Object.assign(package, { dependencies: local(package.dependencies), devDependencies: {} });
  return package;
} } };`,
    "packages/infra/package.json": JSON.stringify({
      name: "@acme/infra",
      version: "1.0.0",
      main: "index.js",
      dependencies: { slipway: `file:${join(root, "packed")}`, "@pulumi/pulumi": `file:${clone("@pulumi/pulumi")}` },
    }),
    "packages/infra/index.js": `
const { Image } = require("slipway");
const { BuiltImage } = require("slipway/pulumi");
exports.python = (name, command) => new BuiltImage(name, { image: Image.debianSlim("3.11").runCommands(command) });
`,
    "apps/api/package.json": JSON.stringify({
      name: "api",
      private: true,
      dependencies: { "@acme/infra": "workspace:*", "@pulumi/pulumi": `file:${clone("@pulumi/pulumi")}` },
    }),
    "apps/api/Pulumi.yaml": "name: app\nruntime: { name: nodejs, options: { typescript: false } }\n",
    "apps/api/index.js": `
const { python } = require("@acme/infra");
exports.uri = python("api", "echo ${newWord()}").uri;
`,
  });
  const install = ["install", "--offline", "--ignore-scripts", "--store-dir", join(root, "store")];
  await run(process.execPath, [join(clone("pnpm"), "bin", "pnpm.cjs"), ...install], { cwd: root });
  const folder = join(root, "apps", "api");
  mkdirSync(join(folder, "state"));
  const stack = { folder, env: { ...stackEnv(folder), ...registry.env } };
  await initStack(stack);
  await expect(run(process.execPath, ["-e", `require("slipway")`], { cwd: folder })).rejects.toThrow(
    "Cannot find module",
  );
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(await fetchStored(String(up.outputs["uri"]))).toBeDefined();
});

test("an inline program of the Automation API builds an image", async () => {
  const folder = makeTemporaryFolder();
  for (const name of ["slipway", "@pulumi/pulumi"]) link(folder, name);
  writeFiles(folder, {
    "state/.keep": "",
    "deploy.js": `
const { LocalWorkspace } = require("@pulumi/pulumi/automation");
const { Image } = require("slipway");
const { BuiltImage } = require("slipway/pulumi");
async function program() {
  const image = new BuiltImage("api", { image: Image.debianSlim("3.11").runCommands("echo ${newWord()}") });
  return { uri: image.uri, ref: image.ref };
}
async function main() {
  const stack = await LocalWorkspace.createStack({ stackName: "dev", projectName: "app", program }, { workDir: __dirname });
  const { outputs, summary } = await stack.up();
  console.log(JSON.stringify({ uri: outputs.uri.value, ref: outputs.ref.value, changes: summary.resourceChanges }));
}
void main();
`,
  });
  const { stdout } = await run(process.execPath, ["deploy.js"], {
    cwd: folder,
    env: { ...stackEnv(folder), ...registry.env },
  });
  const { uri, ref, changes } = JSON.parse(stdout);
  expect(changes).toEqual({ create: 2 });
  expect(ref).toBe(`${registry.address}/images@${(await fetchStored(uri))?.digest}`);
});
