import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand, tryCommand } from "../local/command.mjs";
import { endDaemon, readDaemon, startDaemon } from "../local/daemon.mjs";
import { makeFolder } from "../local/folders.mjs";
import { writeWhole } from "../local/json-file.mjs";
import { endProcess, identify } from "../local/process-identity.mjs";
import { makeCertificates, writeKubeconfig } from "./certificates.mjs";
import { makeCgroup, removeCgroup } from "./cgroups.mjs";
import { kubeRequests } from "./kube-request.mjs";
import { containerdSettings, kubeletArgs, kubeletSettings, networkSettings } from "./node-settings.mjs";
import { nodePlace } from "./places.mjs";
import { sandboxImage } from "./sandbox-image.mjs";

/**
 * @typedef {import("./places.mjs").ClusterPlace} ClusterPlace
 * @typedef {import("./node-settings.mjs").NodePlan} NodePlan
 * @typedef {import("./node-settings.mjs").NodePlace} NodePlace
 * @typedef {import("./binaries.mjs").Binaries} Binaries
 *
 * @typedef {object} NodeStart
 * @property {ClusterPlace} cluster
 * @property {NodePlan} plan
 * @property {number} index from 1; its address follows from it
 * @property {Binaries} binaries
 * @property {string} sandboxTar the image of what holds a pod's network
 * @property {readonly [number, number]} imageGcPercent
 */

/**
 * Starts one node, unless it runs, and waits until it is ready for pods.
 * @param {NodeStart} options
 * @returns {Promise<boolean>} whether it was started
 */
export async function startNode({ cluster, plan, index, binaries, sandboxTar, imageGcPercent }) {
  const place = nodePlace(cluster, plan.name, index);
  const files = {
    "containerd.toml": containerdSettings({ place, runc: binaries.runc, cni: binaries.cni, sandboxImage }),
    "kubelet.json": kubeletSettings({ place, plan, name: plan.name, imageGcPercent }),
    "kubelet.args": kubeletArgs({ place, plan, kubeconfig: join(cluster.folder, `${plan.name}.kubeconfig`) }),
    "network/10-bridge.conflist": networkSettings(place),
    ...(plan.imageDisk === undefined ? {} : { "image-disk": `${plan.imageDisk.sizeMb}m` }),
  };
  const fingerprint = createHash("sha256")
    .update([binaries.path, sandboxTar, ...Object.values(files)].join("\0"))
    .digest("hex");
  if (readDaemon(place.folder, plan.name)?.fingerprint === fingerprint) return false;
  await endNode(place, plan.name);
  await prepare({ cluster, place, plan, files });
  const script = fileURLToPath(new URL("node-init.sh", import.meta.url));
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const startedAt = Date.now();
  await startDaemon({
    name: plan.name,
    folder: place.folder,
    command: "unshare",
    args: [...namespaces, "bash", script, place.folder, sandboxTar, ...(plan.imageDisk?.images ?? [])],
    env: {
      PATH: `${binaries.path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: place.folder,
      NO_PROXY: loopback(cluster),
      no_proxy: loopback(cluster),
    },
    address: place.address,
    fingerprint,
    isReady: () => isReady(cluster.kubeconfig, plan.name, startedAt),
    readyMs: 120_000,
  });
  if (plan.gpus !== undefined) await claimGpus(cluster.kubeconfig, plan.name, plan.gpus);
  return true;
}

/**
 * Ends a node as a reboot would: its containers end, its images stay.
 * @param {NodePlace} place
 * @param {string} name
 * @returns {Promise<boolean>} whether it ran
 */
export async function endNode(place, name) {
  const running = readDaemon(place.folder, name);
  // unshare passes no signal on.
  const first = firstProcessOf(place.folder, name);
  const init = first === undefined ? undefined : identify(first);
  if (init) await endProcess(init, { graceMs: 15_000 });
  await endDaemon(place.folder, name);
  removeCgroup(place.cgroup);
  await tryCommand("ip", ["address", "del", `${place.address}/32`, "dev", "lo"]);
  await tryCommand("ip", ["link", "del", place.bridge]);
  return running !== undefined;
}

/** Where a running node has its images: maybe on a disk that only its own mount namespace has. @param {string} folder @param {string} name @returns {string} */
export function imageFolderOf(folder, name) {
  return join(`/proc/${firstProcessOf(folder, name)}/root`, folder, "containerd");
}

/** Process 1 of a node is unshare's child. @param {string} folder @param {string} name @returns {number | undefined} */
function firstProcessOf(folder, name) {
  const running = readDaemon(folder, name);
  return running && childOf(running.process.pid);
}

/** @param {{ cluster: ClusterPlace, place: NodePlace, plan: NodePlan, files: Readonly<Record<string, string>> }} options */
async function prepare({ cluster, place, plan, files }) {
  const { folder } = place;
  for (const name of ["kubelet", "logs", "network", "registries"]) makeFolder(join(folder, name));
  makeFolder("/var/lib/kubelet"); // The node mounts its own over it. It stays: other nodes' mounts hang on it.
  await makeCertificates(cluster.certificates, [
    { name: plan.name, subject: `/O=system:nodes/CN=system:node:${plan.name}` },
    { name: `${plan.name}-serving`, subject: `/CN=${plan.name}`, hosts: [`IP:${place.address}`, `DNS:${plan.name}`] },
  ]);
  writeKubeconfig({
    file: join(cluster.folder, `${plan.name}.kubeconfig`),
    certificates: cluster.certificates,
    identity: plan.name,
    server: cluster.server,
  });
  for (const [name, content] of Object.entries(files)) writeWhole(join(folder, name), content);
  copyFileSync("/etc/resolv.conf", join(folder, "resolv.conf"));
  rmSync(join(folder, "containerd.sock"), { force: true });
  makeCgroup(place.cgroup);
  await runCommand("ip", ["address", "replace", `${place.address}/32`, "dev", "lo"]);
}

/** @param {ClusterPlace} cluster */
const loopback = (cluster) => `localhost,127.0.0.0/8,${cluster.network}.0/24,10.0.0.0/8`;

/** @param {number} pid @returns {number | undefined} */
function childOf(pid) {
  const file = `/proc/${pid}/task/${pid}/children`;
  const [child] = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [];
  return child ? Number(child) : undefined;
}

/** Whether the kubelet that was just started says so: an earlier one's word stays in the store. @param {string} kubeconfig @param {string} name @param {number} sinceMs */
async function isReady(kubeconfig, name, sinceMs) {
  try {
    const { body } = await kubeRequests(kubeconfig)("GET", `/api/v1/nodes/${name}`);
    /** @type {{ type: string, status: string, lastHeartbeatTime: string }[]} */
    const conditions = body["status"]?.conditions ?? [];
    const ready = conditions.find((condition) => condition.type === "Ready");
    return ready?.status === "True" && Date.parse(ready.lastHeartbeatTime) >= Math.floor(sinceMs / 1000) * 1000;
  } catch {
    return false;
  }
}

/** There is no GPU here: the node only says so, and the scheduler believes it. @param {string} kubeconfig @param {string} name @param {number} count */
async function claimGpus(kubeconfig, name, count) {
  const { status, text } = await kubeRequests(kubeconfig)("PATCH", `/api/v1/nodes/${name}/status`, {
    type: "application/merge-patch+json",
    body: { status: { capacity: { "nvidia.com/gpu": String(count) } } },
  });
  if (status !== 200) throw new Error(`The GPUs of ${name} were not accepted: ${text}`);
}
