// Start of a pod whose image is on the node against one whose image must be pulled and one of an image of 2 KB, in the
// local Kubernetes: from the request that creates it to the watch event that it runs. Alternating, on one node.
// BENCH_ROUNDS=20 BENCH_LAYERS=5
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";
import { startCluster, startRegistry } from "../tools/environment.mjs";
import { sandboxImage } from "../tools/cluster/sandbox-image.mjs";
import { median, spread, table } from "./figures.mjs";
import { pushLargeImage } from "./large-image.mjs";

/** @typedef {import("@kubernetes/client-node").V1Pod} Pod */

const { warmSpec } = createRequire(import.meta.url)("../dist/provider/warm-manifest.js");
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 20);
const LAYERS = Number(process.env["BENCH_LAYERS"] ?? 5);
const NODE = "node-cpu-1";

const { kubeconfig, ctr, folder } = await startCluster();
const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const api = config.makeApiClient(CoreV1Api);
const namespace = `bench-${process.pid}`;
const root = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const registry = await startRegistry({ root });
await api.createNamespace({ body: { metadata: { name: namespace } } });
/** @type {Record<string, string>} */
let held = {};
try {
  const size = { layers: LAYERS, layerBytes: 104_000_000 };
  const warm = await pushLargeImage(`${registry.address}/warm`, size);
  const cold = await pushLargeImage(`${registry.address}/cold`, size);
  held = { warm: warm.ref, cold: cold.ref };
  await untilRuns({ name: "holder", spec: holderOf(warm.ref) }, 300_000);
  const loadBefore = loadavg()[0] ?? 0;
  const cases = {
    [`an image of 2 KB`]: { image: sandboxImage, prepare: async () => {} },
    [`${(warm.bytes / 1e6).toFixed(0)} MB, held by a warm pool's pod`]: { image: warm.ref, prepare: async () => {} },
    [`${(cold.bytes / 1e6).toFixed(0)} MB, not on the node`]: { image: cold.ref, prepare: () => removeFromNode(cold) },
  };
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, [name, { image, prepare }]] of Object.entries(cases).entries()) {
      await prepare();
      const pod = `start-${round}-${index}`;
      times[name]?.push(await untilRuns({ name: pod, spec: podOf(image) }, 300_000));
      await end(pod);
    }
  }
  const [bare = []] = Object.values(times);
  const ratioOf = (/** @type {readonly number[]} */ all) => (median(all) / median(bare)).toFixed(2);
  console.log(
    table(
      ["pod, create to running", "median", "range", "ratio of medians"],
      Object.entries(times).map(([name, all]) => [name, `${median(all).toFixed(0)} ms`, spread(all), ratioOf(all)]),
    ),
  );
  console.log(`\n${ROUNDS} rounds; load ${loadBefore.toFixed(0)} to ${(loadavg()[0] ?? 0).toFixed(0)} on 2 cores`);
} finally {
  await api.deleteNamespace({ name: namespace, gracePeriodSeconds: 0 });
  await removeContainers(Object.values(held));
  for (const name of imageNames(Object.values(held))) onNode("images", "rm", "--sync", name);
  await registry.stop();
  rmSync(root, { recursive: true, force: true });
}

/** The pod that a WarmPool puts there. @param {string} reference */
function holderOf(reference) {
  const identity = { stack: "bench/bench", pool: "bench", group: "cpu", key: "bench", hash: "0".repeat(64) };
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const { template } = warmSpec(identity, {
    reference,
    architectures: [architecture],
    nodes: { labels: [{ key: "kubernetes.io/hostname", values: [NODE] }] },
    pause: sandboxImage,
    mechanism: "imageVolume",
    imagePullSecrets: [],
    runtimeClassName: undefined,
  });
  return template.spec;
}

/** @param {string} image */
function podOf(image) {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 0,
    nodeSelector: { "kubernetes.io/hostname": NODE },
    containers: [{ name: "main", image, imagePullPolicy: "IfNotPresent" }],
  };
}

/**
 * @param {{ name: string, spec: import("@kubernetes/client-node").V1PodSpec }} pod
 * @param {number} timeoutMs
 * @returns {Promise<number>} milliseconds
 */
async function untilRuns({ name, spec }, timeoutMs) {
  /** @type {(value: number) => void} */
  let tell = () => {};
  const ran = new Promise((resolve) => (tell = resolve));
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const watch = await new Watch(config).watch(
    path,
    { fieldSelector: `metadata.name=${name}` },
    (_kind, /** @type {Pod} */ pod) => {
      if (pod.status?.containerStatuses?.[0]?.state?.running) tell(performance.now());
    },
    () => {},
  );
  const timer = setTimeout(() => tell(Number.NaN), timeoutMs);
  const start = performance.now();
  await api.createNamespacedPod({ namespace, body: { metadata: { name }, spec } });
  const at = await ran;
  clearTimeout(timer);
  watch.abort();
  if (Number.isNaN(at)) throw new Error(`The pod ${name} does not run after ${timeoutMs} ms`);
  return at - start;
}

/** @param {string} name */
async function end(name) {
  await api.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 });
}

/** Its blobs and what was unpacked of it. @param {{ ref: string, firstDiffId: string }} image */
async function removeFromNode({ ref, firstDiffId }) {
  await removeContainers([ref]);
  for (const name of imageNames([ref])) onNode("images", "rm", "--sync", name);
  const isGone = spawnSync(ctr, [...address(), "snapshots", "info", firstDiffId], { stdio: "ignore" }).status !== 0;
  if (!isGone) throw new Error(`${ref} was removed from ${NODE}, and what was unpacked of it is still there`);
}

/** A dead container keeps what was unpacked; kubelet would take a minute. @param {readonly string[]} refs */
async function removeContainers(refs) {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const lines = onNode("containers", "ls").split("\n");
    const left = lines.map((line) => line.split(/\s+/)).filter(([, image = ""]) => refs.includes(image));
    if (left.length === 0) return;
    // One that still runs is refused, and asked again.
    for (const [id = ""] of left) spawnSync(ctr, [...address(), "containers", "rm", id], { stdio: "ignore" });
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** All names that the node has for some images: the references, and their configs' digests. @param {readonly string[]} refs */
function imageNames(refs) {
  const rows = onNode("images", "ls")
    .split("\n")
    .map((line) => line.split(/\s+/));
  const digests = refs.map((ref) => ref.split("@")[1]);
  return rows.filter(([, , digest]) => digests.includes(digest)).map(([name = ""]) => name);
}

/** @param {readonly string[]} args */
function onNode(...args) {
  return execFileSync(ctr, [...address(), ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function address() {
  return ["-a", join(folder, "nodes", NODE, "containerd.sock"), "-n", "k8s.io"];
}
