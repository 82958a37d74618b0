// What zstd saves against gzip when a node pulls: an image with NumPy, pandas and SciPy, built by Slipway with each, pulled
// by the containerd of a node of the local Kubernetes, which has the base already. Alternating.
// BENCH_ROUNDS=8
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, startEnvironment, startRegistry } from "../tools/environment.mjs";
import { median, spread, table } from "./figures.mjs";

const dist = createRequire(new URL("../dist/", import.meta.url));
const { Image } = dist("./sdk/image.js");
const { ImageProgram } = dist("./provider/program.js");
const { OciRegistry } = dist("./provider/oci-registry.js");
const { BuildkitBuilder } = dist("./provider/buildkit.js");
const { parseBuilderChoice } = dist("./provider/builder-choice.js");
const { Leftovers } = dist("./provider/leftovers.js");
const { publishImage } = dist("./provider/publish.js");
const { readSettings } = dist("./provider/settings.js");
const { parseRepository } = dist("./sdk/reference.js");

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 8);
const NODE = "node-cpu-1";
const image = Image.debianSlim("3.11").pipInstall(["numpy==2.2.6", "pandas==2.2.3", "scipy==1.15.3"]);

const { env } = await startEnvironment();
Object.assign(process.env, env);
const { ctr, folder } = await startCluster();
const root = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const instance = await startRegistry({ root: join(root, "registry") });
const registry = new OciRegistry({ findCredentials: async () => undefined });
/** @type {string[]} */
const refs = [];
try {
  const base = await publish("base", "gzip", Image.debianSlim("3.11").workdir("/"));
  pull(base);
  const built = { gzip: await publish("gzip", "gzip", image), zstd: await publish("zstd", "zstd", image) };
  /** @type {Record<string, { bytes: number, times: number[] }>} */
  const cases = {};
  for (const [name, ref] of Object.entries(built)) cases[name] = { bytes: await newBytes(ref, base), times: [] };
  const loadBefore = loadavg()[0] ?? 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, ref] of Object.entries(built)) {
      const start = performance.now();
      pull(ref);
      cases[name]?.times.push(performance.now() - start);
      remove(ref);
    }
  }
  const [gzip] = Object.values(cases);
  const rows = Object.entries(cases).map(([name, { bytes, times }]) => [
    name,
    `${(bytes / 1e6).toFixed(1)} MB`,
    (bytes / (gzip?.bytes ?? 1)).toFixed(2),
    `${median(times).toFixed(0)} ms`,
    spread(times),
    (median(times) / median(gzip?.times ?? [])).toFixed(2),
  ]);
  console.log(table(["layers", "size", "ratio", "pull, median", "range", "ratio of medians"], rows));
  console.log(`\n${ROUNDS} rounds; load ${loadBefore.toFixed(0)} to ${(loadavg()[0] ?? 0).toFixed(0)} on 2 cores`);
} finally {
  for (const ref of refs) remove(ref);
  onNode("namespaces", "rm", "bench");
  await instance.stop();
  rmSync(root, { recursive: true, force: true });
}

/**
 * As `pulumi up` does.
 * @param {string} name
 * @param {"gzip" | "zstd"} compression
 * @param {typeof image} what
 * @returns {Promise<string>} by digest
 */
async function publish(name, compression, what) {
  const { mirrors } = readSettings(process.env);
  const { specs } = await new ImageProgram({ folder: root, registry, mirrors }).resolve(what, [
    `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`,
  ]);
  const choice = { ...parseBuilderChoice(process.env["SLIPWAY_BUILDER"]), compression };
  const builder = new BuildkitBuilder(choice, new Leftovers(join(root, "building")), process.env);
  const repository = `${instance.address}/${name}`;
  const { digest } = await publishImage(registry, () => builder, {
    specs,
    callSites: what.callSites,
    folder: root,
    mirrors,
    repository: parseRepository(repository),
    secretPlaces: { folder: root, env: {}, readConfig: () => undefined, hintConfig: () => "" },
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  refs.push(`${repository}@${digest}`);
  return `${repository}@${digest}`;
}

/** What a node with the base pulls. @param {string} ref @param {string} base */
async function newBytes(ref, base) {
  const [all, known] = [await layersOf(ref), await layersOf(base)];
  const digests = new Set(known.map(({ digest }) => digest));
  return all.filter(({ digest }) => !digests.has(digest)).reduce((sum, { size }) => sum + size, 0);
}

/** @param {string} ref @returns {Promise<readonly { digest: string, size: number }[]>} */
async function layersOf(ref) {
  const [place = "", digest] = ref.split("@");
  const { bytes } = await registry.fetchManifest(parseRepository(place), digest);
  return JSON.parse(bytes.toString("utf8")).layers;
}

/** @param {string} ref */
function pull(ref) {
  onNode("images", "pull", "--plain-http", ref);
}

/** Its blobs and what was unpacked of it. @param {string} ref */
function remove(ref) {
  onNode("images", "rm", "--sync", ref);
  const [, digest = ""] = ref.split("@");
  if (onNode("content", "ls", "-q").includes(digest)) throw new Error(`${ref} was removed and is still there`);
}

/** @param {readonly string[]} args */
function onNode(...args) {
  // Kubernetes' own namespace would give each image a second name, which keeps what was unpacked.
  const address = ["-a", join(folder, "nodes", NODE, "containerd.sock"), "-n", "bench"];
  return execFileSync(ctr, [...address, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
