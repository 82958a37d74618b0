// The settings that one node's containerd, kubelet and network run with, as text.
import { join } from "node:path";

/**
 * @typedef {object} NodePlan
 * @property {string} name
 * @property {Readonly<Record<string, string>>} labels
 * @property {readonly { key: string, value: string, effect: string }[]} taints
 * @property {number} [gpus] that it claims to have
 * @property {ImageDisk} [imageDisk] of its own, in memory: its images are gone when it ends
 *
 * @typedef {object} ImageDisk
 * @property {number} sizeMb
 * @property {number} evictBelowMb of free space: kubelet first removes every image that nothing uses, then ends pods
 * @property {readonly string[]} images archives that are on it before kubelet starts: kubelet spares what it just met
 *
 * @typedef {object} NodePlace
 * @property {string} folder
 * @property {string} address of the node, on the loopback interface
 * @property {string} cgroup path below every hierarchy's root
 * @property {string} bridge name of its network bridge
 * @property {string} podNetwork first three numbers of its pods' addresses
 * @property {string} certificates folder
 */

/** @param {unknown} value */
const text = (value) => JSON.stringify(value); // A JSON string is a TOML string too.

/** @param {{ place: NodePlace, runc: string, cni: string, sandboxImage: string }} options */
export function containerdSettings({ place, runc, cni, sandboxImage }) {
  const runcRuntime = "plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc";
  const unused = ["nri.v1.nri", "internal.v1.opt"].map((name) => `io.containerd.${name}`);
  return [
    "version = 3",
    `root = ${text(join(place.folder, "containerd"))}`,
    'state = "/run/containerd"',
    "imports = []",
    `disabled_plugins = ${text(unused)}`,
    "[grpc]",
    `address = ${text(join(place.folder, "containerd.sock"))}`,
    "[plugins.'io.containerd.cri.v1.images']",
    'snapshotter = "overlayfs"',
    "[plugins.'io.containerd.cri.v1.images'.pinned_images]",
    `sandbox = ${text(sandboxImage)}`,
    "[plugins.'io.containerd.cri.v1.images'.registry]",
    // A <host>/hosts.toml in it redirects a registry at the next pull, or breaks it; loopback hosts work without one.
    `config_path = ${text(join(place.folder, "registries"))}`,
    "[plugins.'io.containerd.cri.v1.runtime']",
    "restrict_oom_score_adj = true", // without CAP_SYS_RESOURCE a score below our own cannot be set
    "disable_apparmor = true",
    "[plugins.'io.containerd.cri.v1.runtime'.cni]",
    `bin_dirs = ${text([cni])}`,
    `conf_dir = ${text(join(place.folder, "network"))}`,
    "use_internal_loopback = true",
    `[${runcRuntime}]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${runcRuntime}.options]`,
    `BinaryName = ${text(runc)}`,
    "SystemdCgroup = false",
    "",
  ].join("\n");
}

/** @param {{ place: NodePlace, plan: NodePlan, name: string, imageGcPercent: readonly [number, number] }} options */
export function kubeletSettings({ place, plan, name, imageGcPercent }) {
  const [low, high] = imageGcPercent;
  const settings = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: place.address,
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(place.certificates, "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(place.certificates, `${name}-serving.crt`),
    tlsPrivateKeyFile: join(place.certificates, `${name}-serving.key`),
    containerRuntimeEndpoint: `unix://${join(place.folder, "containerd.sock")}`,
    resolvConf: join(place.folder, "resolv.conf"),
    cgroupDriver: "cgroupfs",
    cgroupRoot: place.cgroup,
    failCgroupV1: false, // 1.35 and newer refuse it otherwise
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0, // the default needs CAP_SYS_RESOURCE
    makeIPTablesUtilChains: false,
    serializeImagePulls: false, // as EKS and Bottlerocket set it
    imageGCLowThresholdPercent: low,
    imageGCHighThresholdPercent: high,
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "nodefs.inodesFree": "1%",
      "imagefs.available": "1%",
      "imagefs.inodesFree": "1%",
    },
    ...(plan.imageDisk === undefined
      ? {}
      : {
          imageMinimumGCAge: "1s",
          evictionHard: { "imagefs.available": `${plan.imageDisk.evictBelowMb}Mi` },
        }),
    ...(plan.taints.length === 0 ? {} : { registerWithTaints: plan.taints }),
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** One argument a line. @param {{ place: NodePlace, plan: NodePlan, kubeconfig: string }} options */
export function kubeletArgs({ place, plan, kubeconfig }) {
  const labels = Object.entries(plan.labels).map(([name, value]) => `${name}=${value}`);
  return [
    `--config=${join(place.folder, "kubelet.json")}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${plan.name}`,
    `--node-ip=${place.address}`, // kubelet refuses 127.x, but not another address of the loopback interface
    "--root-dir=/var/lib/kubelet",
    ...(labels.length === 0 ? [] : [`--node-labels=${labels.join(",")}`]),
    "",
  ].join("\n");
}

/** @param {NodePlace} place */
export function networkSettings({ bridge, podNetwork, folder }) {
  const ranges = [[{ subnet: `${podNetwork}.0/24` }]];
  const ipam = { type: "host-local", dataDir: join(folder, "addresses"), ranges, routes: [{ dst: "0.0.0.0/0" }] };
  const plugins = [{ type: "bridge", bridge, isGateway: true, ipam }];
  return `${JSON.stringify({ cniVersion: "0.4.0", name: bridge, plugins }, null, 2)}\n`;
}
