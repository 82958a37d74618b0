// A real Kubernetes on this machine: a control plane and some nodes, without Docker and systemd, on loopback addresses.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endDaemon, readDaemon } from "../local/daemon.mjs";
import { isRoot } from "../local/debian.mjs";
import { unmountUnder } from "../local/mounts.mjs";
import { Problem } from "../local/problem.mjs";
import { takeBinaries } from "./binaries.mjs";
import { makeCertificates, writeKubeconfig } from "./certificates.mjs";
import { partNames, startControlPlane } from "./control-plane.mjs";
import { kubeRequests } from "./kube-request.mjs";
import { endNode, imageFolderOf, startNode } from "./node.mjs";
import { choosePlace, nodePlace, readPlace } from "./places.mjs";
import { makeSandboxImage } from "./sandbox-image.mjs";

/**
 * @typedef {import("../local/elapsed.mjs").Log} Log
 * @typedef {import("./node-settings.mjs").NodePlan} NodePlan
 * @typedef {import("./places.mjs").ClusterPlace} ClusterPlace
 *
 * @typedef {object} ClusterOptions
 * @property {string} folder for its state; another one is another cluster
 * @property {number} [number] 0 to 99, another one for each cluster that runs at the same time
 * @property {readonly NodePlan[]} [nodes]
 * @property {readonly string[]} [apiserverFlags]
 * @property {readonly [number, number]} [imageGcPercent] of the disk, between which kubelet removes unused images
 * @property {Log} [log]
 *
 * @typedef {object} Cluster
 * @property {string} kubeconfig
 * @property {string} kubectl
 * @property {string} ctr
 * @property {string} folder
 * @property {string} took
 * @property {readonly string[]} started
 */

/** One node as clouds have them by the dozen, and one that nobody gets without tolerating its taint. @type {readonly NodePlan[]} */
const twoNodes = Object.freeze([
  { name: "node-cpu-1", labels: { pool: "cpu" }, taints: [] },
  {
    name: "node-gpu-1",
    labels: { pool: "gpu" },
    taints: [{ key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" }],
    gpus: 1,
  },
]);

/**
 * Starts what does not run of a cluster.
 * @param {ClusterOptions} options
 * @returns {Promise<Cluster>}
 */
export async function startClusterIn(options) {
  const { folder, number = 0, nodes = twoNodes, apiserverFlags = [], imageGcPercent = [99, 100] } = options;
  const { log = () => {} } = options;
  requireLinuxRoot();
  const binaries = await takeBinaries(log);
  const place = await choosePlace(folder, { number });
  const sandboxTar = makeSandboxImage(place.folder);
  await makeIdentities(place);
  keepForwarding(place);
  const started = await startControlPlane(place, binaries, apiserverFlags);
  const states = await Promise.all(
    nodes.map((plan, position) =>
      startNode({ cluster: place, plan, index: position + 1, binaries, sandboxTar, imageGcPercent }),
    ),
  );
  nodes.forEach(({ name }, position) => states[position] && started.push(name));
  const { kubectl, ctr } = binaries.go;
  return { kubeconfig: place.kubeconfig, kubectl, ctr, folder: place.folder, took: binaries.took, started };
}

/**
 * Ends everything of a cluster; its state stays, and the next start finds images and objects again.
 * @param {string} folder
 * @returns {Promise<string[]>} what was ended
 */
export async function stopClusterIn(folder) {
  const place = readPlace(folder);
  if (!place) return [];
  /** @type {string[]} */
  const ended = [];
  // While the API server still answers.
  const nodes = existsSync(join(place.folder, "nodes")) ? readdirSync(join(place.folder, "nodes")) : [];
  await Promise.all(
    nodes.map(async (name) => {
      const index = indexOf(place, name);
      if (await endNode(nodePlace(place, name, index), name)) ended.push(name);
    }),
  );
  for (const name of partNames) if (await endDaemon(place.folder, name, { graceMs: 10_000 })) ended.push(name);
  await unmountUnder(place.folder);
  restoreForwarding(place);
  return ended;
}

/**
 * Starts one more node of a running cluster, until {@link removeNodeIn}.
 * @param {ClusterOptions & { plan: NodePlan }} options
 * @returns {Promise<string>} the folder of its images, as this process can open it
 */
export async function addNodeIn({ plan, ...options }) {
  const { folder } = await startClusterIn({ ...options, nodes: [...(options.nodes ?? twoNodes), plan] });
  return imageFolderOf(join(folder, "nodes", plan.name), plan.name);
}

/**
 * Ends a node for good: the cluster forgets it, and its images go.
 * @param {string} folder
 * @param {string} name
 */
export async function removeNodeIn(folder, name) {
  const place = readPlace(folder);
  // Of a node that is not there nobody knows the address: another one may have it.
  if (!place || !existsSync(join(place.folder, "nodes", name))) return;
  await endNode(nodePlace(place, name, indexOf(place, name)), name);
  await kubeRequests(place.kubeconfig)("DELETE", `/api/v1/nodes/${name}`);
  rmSync(join(place.folder, "nodes", name), { recursive: true, force: true });
}

/** The settings of a client of a cluster, if it runs. @param {string} folder @returns {string | undefined} */
export function runningKubeconfig(folder) {
  const place = readPlace(folder);
  return place && readDaemon(place.folder, "kube-apiserver") ? place.kubeconfig : undefined;
}

/** Which address a node has is what its kubelet was told. @param {ClusterPlace} place @param {string} name */
function indexOf(place, name) {
  const file = join(place.folder, "nodes", name, "kubelet.args");
  const address = existsSync(file) ? /--node-ip=[\d.]*\.(\d+)/.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  return Number(address ?? 11) - 10;
}

/** @param {ClusterPlace} place */
async function makeIdentities(place) {
  const { certificates, folder, server } = place;
  const masters = "/O=system:masters";
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
  const hosts = ["IP:127.0.0.1", "IP:10.96.0.1", ...names.map((name) => `DNS:${name}`)];
  await makeCertificates(certificates, [
    { name: "apiserver", subject: "/CN=kube-apiserver", hosts },
    { name: "apiserver-kubelet-client", subject: `${masters}/CN=apiserver` },
    { name: "admin", subject: `${masters}/CN=admin` },
    { name: "controllers", subject: `${masters}/CN=system:kube-controller-manager` },
    { name: "scheduler", subject: `${masters}/CN=system:kube-scheduler` },
  ]);
  for (const identity of ["admin", "controllers", "scheduler"]) {
    writeKubeconfig({ file: join(folder, `${identity}.kubeconfig`), certificates, identity, server });
  }
}

const forwarding = "/proc/sys/net/ipv4/ip_forward";

/** The network plugin of the nodes switches forwarding on, for the whole machine. @param {ClusterPlace} place */
function keepForwarding({ folder }) {
  const file = join(folder, "ip-forward");
  if (!existsSync(file)) writeFileSync(file, readFileSync(forwarding, "utf8"));
}

/** @param {ClusterPlace} place */
function restoreForwarding({ folder }) {
  const file = join(folder, "ip-forward");
  if (!existsSync(file)) return;
  writeFileSync(forwarding, readFileSync(file, "utf8"));
  rmSync(file);
}

function requireLinuxRoot() {
  if (process.platform === "linux" && isRoot) return;
  throw new Problem({
    doing: "Starting a Kubernetes of our own",
    found: process.platform === "linux" ? "it needs root" : `it does not run on ${process.platform}`,
    todo: "Use a cluster that you have, by KUBECONFIG.",
  });
}
