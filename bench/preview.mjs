// `pulumi preview` and `pulumi up` of unchanged images against as many plain dynamic resources, and 50 of them against as
// many of @pulumi/docker-build, whose plugin is built from Go modules where it has not been (12 minutes): rounds alternate.
// BENCH_ROUNDS=7 BENCH_COUNTS=1,10,50,500 BENCH_SECONDS=20
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loadavg, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBuildkit, startEnvironment, startRegistry } from "../tools/environment.mjs";
import { buildGoTool } from "../tools/local/go-tool.mjs";
import { median, spread, table } from "./figures.mjs";
import { makeStack, run } from "./pulumi-stack.mjs";

const require = createRequire(import.meta.url);
const { ImageProgram } = require("../dist/provider/program.js");
const { Registries } = require("../dist/provider/registries.js");
const { dockerCredentials } = require("../dist/provider/credentials.js");
const { parseMirrors } = require("../dist/provider/mirrors.js");

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 7);
const COUNTS = (process.env["BENCH_COUNTS"] ?? "1,10,50,500").split(",").map(Number);
const SHARED = 50;
/** How long the rounds of one row may take; of `up` twice, of hundreds thrice as long. */
const SHARE_MS = Number(process.env["BENCH_SECONDS"] ?? 20) * 1_000;
const TINY = `(index) => Image.debianSlim("3.11").addLocalDir("./context/" + index, "/app", { strategy: "copy" })`;
const COMMANDS = /** @type {const} */ (["preview", "up"]);

let stacks = 0;
/** @param {string} peer */
const headOf = (peer) => [
  "unchanged",
  peer,
  "range",
  "Slipway",
  "range",
  "ratio of medians (of rounds)",
  "of CPU time",
];

const { env } = await startEnvironment();
const root = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const registry = await startRegistry({ root: join(root, "registry") });
/** @type {Map<string, Promise<unknown>>} */
const pushed = new Map();
/** @typedef {{ ms: number, cpuMs: number }} Cost of one run */
/** @typedef {{ peer: Cost[], images: Cost[] }} Costs */
/** @typedef {{ peer: Stack, images: Stack }} Pair */
/** @type {Awaited<ReturnType<typeof startBuildkit>> | undefined} */
let buildkit;
try {
  const loadBefore = loadavg()[0] ?? 0;
  const folder = sharedFolder(); // Now, as hashes of files younger than a minute are not kept.
  const rows = [];
  /** @type {Map<number, Record<"preview" | "up", Costs>>} */
  const byCount = new Map();
  for (const count of COUNTS) {
    const pair = { peer: await plainStack(count), images: await imageStack(count, TINY) };
    const costs = { preview: await alternate(pair, "preview", count), up: await alternate(pair, "up", count) };
    byCount.set(count, costs);
    for (const command of COMMANDS) rows.push(rowOf(`${command}, ${count}`, costs[command]));
    if (count === COUNTS.at(-1)) await measureMemory(pair, count);
  }
  const ofFolder = `(index) => Image.debianSlim("3.11").workdir("/w" + index).addLocalDir(${JSON.stringify(folder)}, "/app", { strategy: "copy" })`;
  const shared = { peer: await plainStack(SHARED), images: await imageStack(SHARED, ofFolder) };
  const onFolder = `${SHARED} on one folder of 2,000 files, 50 MB`;
  for (const command of COMMANDS) rows.push(rowOf(`${command}, ${onFolder}`, await alternate(shared, command, SHARED)));
  console.log(table(headOf("plain resources"), rows));
  const others = [];
  for (const [name, pair] of /** @type {const} */ ([
    [String(SHARED), { peer: await dockerStack(SHARED), images: await imageStack(SHARED, TINY) }],
    [onFolder, { peer: await dockerStack(SHARED, folder), images: shared.images }],
  ])) {
    for (const command of COMMANDS) others.push(rowOf(`${command}, ${name}`, await alternate(pair, command, SHARED)));
  }
  console.log(`\n${table(headOf("docker-build"), others)}`);
  describeGrowth(byCount);
  console.log(`\nload ${loadBefore.toFixed(0)} at the start and ${(loadavg()[0] ?? 0).toFixed(0)} at the end`);
} finally {
  await buildkit?.stop();
  await registry.stop();
  rmSync(root, { recursive: true, force: true });
}

/** @param {Map<number, Record<"preview" | "up", Costs>>} byCount */
function describeGrowth(byCount) {
  const [few = 0, many = 0] = [COUNTS.find((count) => count >= 10), COUNTS.at(-1)];
  if (few === 0 || many <= few) return;
  for (const command of COMMANDS) {
    for (const key of /** @type {const} */ (["ms", "cpuMs"])) {
      const [plain = 0, images = 0] = /** @type {const} */ (["peer", "images"]).map((kind) => {
        const [low, high] = [few, many].map((count) =>
          median((byCount.get(count)?.[command][kind] ?? []).map((cost) => cost[key])),
        );
        return ((high ?? 0) - (low ?? 0)) / (many - few);
      });
      const what = key === "ms" ? "time" : "CPU time";
      const ratio = `**${(images / plain).toFixed(2)}**`;
      console.log(
        `\n${command}, growth of ${what} from ${few} to ${many}: ${plain.toFixed(1)} ms a plain resource, ${images.toFixed(1)} ms an image: ${ratio}`,
      );
    }
  }
}

function sharedFolder() {
  const folder = join(root, "shared");
  mkdirSync(folder);
  const bytes = Buffer.alloc(25_000, "slipway");
  for (let index = 0; index < 2_000; index += 1) {
    bytes.writeUInt32BE(index);
    writeFileSync(join(folder, `f${index}`), bytes);
  }
  return folder;
}

/** @param {Pair} pair @param {number} count */
async function measureMemory(pair, count) {
  const rows = [];
  for (const [name, stack] of /** @type {const} */ ([
    ["plain resources", pair.peer],
    ["images", pair.images],
  ])) {
    const { programBytes, providerBytes } = await run(stack, "preview", { isWatched: true });
    rows.push([`preview of ${count} ${name}`, megabytes(programBytes), megabytes(providerBytes)]);
  }
  const huge = join(root, "huge");
  mkdirSync(huge);
  for (let index = 0; index < 50; index += 1) {
    writeFileSync(join(huge, `f${index}`), "");
    truncateSync(join(huge, `f${index}`), 100_000_000);
  }
  const child = fileURLToPath(new URL("tree-hash-child.mjs", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [child, huge], { encoding: "utf8" });
  if (stderr !== "") throw new Error(stderr);
  rows.push(["hash of a folder of 5 GB", megabytes(JSON.parse(stdout).memoryBytes), ""]);
  console.log(table(["highest memory", "the program's process", "the provider's process"], rows), "\n");
}

/** @param {string} name @param {Costs} costs */
function rowOf(name, { peer, images }) {
  const ratioOf = (/** @type {"ms" | "cpuMs"} */ key) =>
    median(images.map((cost) => cost[key])) / median(peer.map((cost) => cost[key]));
  const ratios = images.map(({ ms }, round) => ms / (peer[round]?.ms ?? Number.NaN));
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  const [theirs, ours] = [peer, images].map((all) => all.map(({ ms }) => ms));
  return [
    `${name} (${images.length} rounds)`,
    ...[theirs ?? [], ours ?? []].flatMap((all) => [`${median(all).toFixed(0)} ms`, spread(all)]),
    `${ratioOf("ms").toFixed(2)} (${range})`,
    ratioOf("cpuMs").toFixed(2),
  ];
}

/** @typedef {ReturnType<typeof makeStack>} Stack */

/**
 * Rounds, as many as their share of the time allows.
 * @param {Pair} pair @param {"preview" | "up"} command @param {number} count
 */
async function alternate(pair, command, count) {
  /** @type {Costs} */
  const costs = { peer: [], images: [] };
  const end = performance.now() + (command === "up" ? 2 : 1) * (count >= 100 ? 3 : 1) * SHARE_MS;
  for (let round = 0; round < ROUNDS && (round === 0 || performance.now() < end); round += 1) {
    for (const kind of /** @type {const} */ (["peer", "images"])) {
      costs[kind].push(await run(pair[kind], command, { expected: `${count + 1} unchanged` }));
    }
  }
  return costs;
}

/** @param {number} count */
async function plainStack(count) {
  const program = `const { createHash } = require("node:crypto");
const { dynamic } = require("@pulumi/pulumi");
const provider = {
  check: async (olds, inputs) => ({ inputs }),
  diff: async (id, olds, news) => ({ changes: olds.hash !== news.hash }),
  create: async (inputs) => ({ id: inputs.hash, outs: inputs }),
};
class Plain extends dynamic.Resource {
  constructor(name, inputs) { super(provider, name, inputs); }
}
for (let index = 0; index < ${count}; index += 1) new Plain("image-" + index, { hash: createHash("sha256").update(String(index)).digest("hex") });
`;
  const stack = makeStack(join(root, `plain-${count}-${stacks++}`), program, env);
  await run(stack, "up");
  return stack;
}

/** Images of the real plugin, on a builder of its own. @param {number} count @param {string} [context] of all */
async function dockerStack(count, context) {
  const { path } = await buildGoTool("pulumi-resource-docker-build", console.error);
  const folder = join(root, `docker-${count}-${stacks++}`);
  const docker = join(folder, "docker");
  mkdirSync(docker, { recursive: true });
  buildkit ??= await startBuildkit({ root: join(root, "buildkit") });
  const program = `const { Image } = require("@pulumi/docker-build");
for (let index = 0; index < ${count}; index += 1) {
  const location = ${context === undefined ? '"./context/" + index' : JSON.stringify(context)};
  const inline = "FROM scratch\\nWORKDIR /w" + index + "\\nCOPY . /app\\n";
  new Image("image-" + index, { context: { location }, dockerfile: { inline }, platforms: ["linux/amd64"], push: false });
}
`;
  const own = {
    ...env,
    PATH: [dirname(path), env["PATH"] ?? process.env["PATH"]].join(delimiter),
    DOCKER_CONFIG: docker,
    BUILDX_CONFIG: join(docker, "buildx"),
  };
  const stack = makeStack(folder, program, own, ["@pulumi/docker-build"]);
  const builder = ["create", "--name", "of-the-bench", "--driver", "remote", "--use", buildkit.endpoint];
  const made = spawnSync("buildx", builder, { env: stack.env, encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  makeContexts(folder, count);
  await run(stack, "up");
  return stack;
}

/** @param {string} folder @param {number} count */
function makeContexts(folder, count) {
  for (let index = 0; index < count; index += 1) {
    mkdirSync(join(folder, `context/${index}`), { recursive: true });
    writeFileSync(join(folder, `context/${index}/main.py`), `print(${index})\n`);
  }
}

/** Images that the registry has: what an \`up\` is to find unchanged. @param {number} count @param {string} images */
async function imageStack(count, images) {
  const program = `const { BuiltImage } = require("slipway/pulumi");
const imageOf = require("./images.js");
for (let index = 0; index < ${count}; index += 1) new BuiltImage("image-" + index, { image: imageOf(index) });
`;
  const repository = `${registry.address}/images`;
  const stack = makeStack(join(root, `images-${count}-${stacks++}`), program, {
    ...env,
    SLIPWAY_REPOSITORY: repository,
  });
  makeContexts(stack.folder, count);
  const module = `const { Image } = require("slipway");\nmodule.exports = ${images};\n`;
  writeFileSync(join(stack.folder, "images.js"), module);
  process.chdir(stack.folder);
  const oci = new Registries(dockerCredentials(process.env)).oci();
  const resolver = new ImageProgram({
    folder: stack.folder,
    registry: oci,
    mirrors: parseMirrors(env["SLIPWAY_MIRRORS"] ?? ""),
  });
  const imageOf = require(join(stack.folder, "images.js"));
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { hash } = await resolver.resolve(imageOf(index), ["linux/amd64"]);
      const push = pushed.get(hash) ?? pushManifest(hash);
      pushed.set(hash, push);
      await push;
    }),
  );
  await run(stack, "up");
  return stack;
}

/** An image of no layers under a hash. @param {string} hash */
async function pushManifest(hash) {
  const place = `http://${registry.address}/v2/images`;
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
  );
  const digest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  const known = pushed.get(digest) ?? pushBlob(place, config, digest);
  pushed.set(digest, known);
  await known;
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const described = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: config.length };
  const annotations = { "io.slipway.hash": hash };
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers: [], annotations });
  await send(`${place}/manifests/${hash}`, { method: "PUT", headers: { "content-type": mediaType }, body });
}

/** @param {string} place @param {Buffer} bytes @param {string} digest */
async function pushBlob(place, bytes, digest) {
  const started = await send(`${place}/blobs/uploads/`, { method: "POST" });
  const url = new URL(started.headers.get("location") ?? "", place);
  url.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  await send(url.href, { method: "PUT", headers, body: new Uint8Array(bytes) });
}

/** @param {string} url @param {RequestInit} init */
async function send(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
