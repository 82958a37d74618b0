// `pulumi preview` and `pulumi up` of unchanged images against as many plain dynamic resources: rounds alternate.
// BENCH_ROUNDS=5 BENCH_COUNTS=1,10,50,500
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEnvironment, startRegistry } from "../tools/environment.mjs";
import { median, spread, table } from "./figures.mjs";
import { makeStack, run } from "./pulumi-stack.mjs";

const require = createRequire(import.meta.url);
const { Image } = require("../dist/sdk/index.js");
const { ImageProgram } = require("../dist/provider/program.js");
const { Registries } = require("../dist/provider/registries.js");
const { dockerCredentials } = require("../dist/provider/credentials.js");
const { parseMirrors } = require("../dist/provider/mirrors.js");

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
/** The longest runs; and their slope is what counts. */
const MANY_ROUNDS = Math.min(ROUNDS, 3);
const COUNTS = (process.env["BENCH_COUNTS"] ?? "1,10,50,500").split(",").map(Number);
const SHARED = 50;
const COMMANDS = /** @type {const} */ (["preview", "up"]);

const { env } = await startEnvironment();
const root = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const registry = await startRegistry({ root: join(root, "registry") });
/** @type {Map<string, Promise<unknown>>} */
const pushed = new Map();
try {
  const loadBefore = loadavg()[0] ?? 0;
  await compareCounts();
  console.log();
  await compareShared();
  console.log();
  await measureMemory();
  console.log(`\nload ${loadBefore.toFixed(0)} at the start and ${(loadavg()[0] ?? 0).toFixed(0)} at the end`);
} finally {
  await registry.stop();
  rmSync(root, { recursive: true, force: true });
}

async function compareCounts() {
  /** @type {Record<string, Record<string, number>>} medians by command and kind, then by count */
  const medians = {};
  const rows = [];
  for (const count of COUNTS) {
    const stacks = { plain: await plainStack(count), images: await imageStack(count, tinyImages(count)) };
    for (const command of COMMANDS) {
      const times = await alternate(stacks, command, count >= 100 ? MANY_ROUNDS : ROUNDS, count);
      rows.push(rowOf(`${command}, ${count}`, times));
      for (const [kind, all] of Object.entries(times)) (medians[`${command} ${kind}`] ??= {})[count] = median(all);
    }
  }
  console.log(table(HEAD, rows));
  const [few = 0, many = 0] = [COUNTS.find((count) => count >= 10), COUNTS.at(-1)];
  const slopes = COMMANDS.map((command) => {
    const [plain = Number.NaN, images = Number.NaN] = ["plain", "images"].map((kind) => {
      const of = medians[`${command} ${kind}`] ?? {};
      return ((of[many] ?? Number.NaN) - (of[few] ?? Number.NaN)) / (many - few);
    });
    return `${command} ${plain.toFixed(1)} ms a plain resource, ${images.toFixed(1)} ms an image: ${(images / plain).toFixed(2)}`;
  });
  console.log(`\nGrowth from ${few} to ${many}: ${slopes.join("; ")}.`);
}

async function compareShared() {
  const folder = join(root, "shared");
  mkdirSync(folder);
  const bytes = Buffer.alloc(25_000, "slipway");
  for (let index = 0; index < 2_000; index += 1) {
    bytes.writeUInt32BE(index);
    writeFileSync(join(folder, `f${index}`), bytes);
  }
  const images = `(index) => Image.debianSlim("3.11").workdir("/w" + index).addLocalDir(${JSON.stringify(folder)}, "/app", { strategy: "copy" })`;
  const stacks = { plain: await plainStack(SHARED), images: await imageStack(SHARED, images) };
  const rows = [];
  for (const command of COMMANDS) {
    rows.push(
      rowOf(
        `${command}, ${SHARED} on one folder of 2,000 files, 50 MB`,
        await alternate(stacks, command, ROUNDS, SHARED),
      ),
    );
  }
  console.log(table(HEAD, rows));
}

async function measureMemory() {
  const count = COUNTS.at(-1) ?? 500;
  const stacks = { plain: await plainStack(count), images: await imageStack(count, tinyImages(count)) };
  const rows = [];
  for (const [kind, stack] of Object.entries(stacks)) {
    const { programBytes, providerBytes } = await run(stack, "preview", { isWatched: true });
    rows.push([
      `preview of ${count} ${kind === "plain" ? "plain resources" : "images"}`,
      megabytes(programBytes),
      megabytes(providerBytes),
    ]);
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
  console.log(table(["highest memory", "the program's process", "the provider's process"], rows));
}

const HEAD = ["unchanged", "plain resources", "range", "Slipway", "range", "ratio of medians (of rounds)"];

/** @param {string} name @param {{ plain: readonly number[], images: readonly number[] }} times */
function rowOf(name, { plain, images }) {
  const ratios = images.map((time, round) => time / (plain[round] ?? Number.NaN));
  const ratio = (median(images) / median(plain)).toFixed(2);
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  const ms = [plain, images].map((all) => `${median(all).toFixed(0)} ms`);
  return [name, ms[0] ?? "", spread(plain), ms[1] ?? "", spread(images), `${ratio} (${range})`];
}

/** @typedef {ReturnType<typeof makeStack>} Stack */

/**
 * @param {{ plain: Stack, images: Stack }} stacks @param {"preview" | "up"} command
 * @param {number} rounds @param {number} count
 */
async function alternate(stacks, command, rounds, count) {
  /** @type {{ plain: number[], images: number[] }} */
  const times = { plain: [], images: [] };
  const expected = `${count + 1} unchanged`;
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of /** @type {const} */ (["plain", "images"])) {
      times[kind].push((await run(stacks[kind], command, { expected })).ms);
    }
  }
  return times;
}

/** @param {number} count */
async function plainStack(count) {
  const program = `const { dynamic } = require("@pulumi/pulumi");
const provider = {
  check: async (olds, inputs) => ({ inputs }),
  diff: async (id, olds, news) => ({ changes: olds.hash !== news.hash }),
  create: async (inputs) => ({ id: inputs.hash, outs: inputs }),
};
class Plain extends dynamic.Resource {
  constructor(name, inputs) { super(provider, name, inputs); }
}
for (let index = 0; index < ${count}; index += 1) new Plain("image-" + index, { hash: String(index).padStart(64, "0") });
`;
  const stack = makeStack(join(root, `plain-${count}-${stacks++}`), program, env);
  await run(stack, "up");
  return stack;
}

let stacks = 0;

/** Images that the registry has: what an \`up\` is to find unchanged. @param {number} count @param {string} images */
async function imageStack(count, images) {
  const program = `const { Image } = require("slipway");
const { BuiltImage } = require("slipway/pulumi");
const imageOf = ${images};
for (let index = 0; index < ${count}; index += 1) new BuiltImage("image-" + index, { image: imageOf(index) });
`;
  const repository = `${registry.address}/images`;
  const stack = makeStack(join(root, `images-${count}-${stacks++}`), program, {
    ...env,
    SLIPWAY_REPOSITORY: repository,
  });
  for (let index = 0; index < count; index += 1) {
    mkdirSync(join(stack.folder, `context/${index}`), { recursive: true });
    writeFileSync(join(stack.folder, `context/${index}/main.py`), `print(${index})\n`);
  }
  process.chdir(stack.folder);
  const oci = new Registries(dockerCredentials(process.env)).oci();
  const resolver = new ImageProgram({
    folder: stack.folder,
    registry: oci,
    mirrors: parseMirrors(env["SLIPWAY_MIRRORS"] ?? ""),
  });
  const imageOf = new Function("Image", `return ${images}`)(Image);
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

/** @param {number} count */
function tinyImages(count) {
  if (count < 1) throw new Error("BENCH_COUNTS: a count is at least 1");
  return `(index) => Image.debianSlim("3.11").addLocalDir("./context/" + index, "/app", { strategy: "copy" })`;
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
