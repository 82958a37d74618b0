import { dirname } from "node:path";
import { requireDebianCommand, requireDebianFile } from "../local/debian.mjs";
import { buildGoTool } from "../local/go-tool.mjs";

/** @typedef {import("../local/elapsed.mjs").Log} Log */

/**
 * @typedef {"etcd" | "containerd" | "containerd-shim-runc-v2" | "ctr" | "kube-apiserver" | "kube-controller-manager"
 *   | "kube-scheduler" | "kubelet" | "kubectl"} ClusterTool
 *
 * @typedef {object} Binaries
 * @property {Readonly<Record<ClusterTool, string>>} go path of each executable that was built
 * @property {string} path the folders of those, for PATH
 * @property {string} runc
 * @property {string} cni folder of the network plugins
 * @property {string} took where they were taken from, for the user
 */

/**
 * Everything that a cluster runs, built or installed where it is missing.
 * @param {Log} log
 * @returns {Promise<Binaries>}
 */
export async function takeBinaries(log) {
  const forWhom = "the local Kubernetes runs with it";
  const runc = await requireDebianCommand("runc", { package: "runc", why: forWhom, log });
  await requireDebianCommand("ip", { package: "iproute2", why: forWhom, log });
  await requireDebianCommand("openssl", { package: "openssl", why: forWhom, log });
  const bridge = "/usr/lib/cni/bridge";
  await requireDebianFile(bridge, { package: "containernetworking-plugins", why: forWhom, log });

  const start = performance.now();
  let isBuilt = false;
  /** @param {import("../local/go-tool.mjs").GoToolName} name */
  const build = async (name) => {
    const { path, took } = await buildGoTool(name, log);
    if (!took.endsWith("earlier")) {
      log(`  ${name} ${took}`);
      isBuilt = true;
    }
    return path;
  };
  // One after the other: each build uses all cores.
  const go = {
    etcd: await build("etcd"),
    containerd: await build("containerd"),
    "containerd-shim-runc-v2": await build("containerd-shim-runc-v2"),
    ctr: await build("ctr"),
    "kube-apiserver": await build("kube-apiserver"),
    "kube-controller-manager": await build("kube-controller-manager"),
    "kube-scheduler": await build("kube-scheduler"),
    kubelet: await build("kubelet"),
    kubectl: await build("kubectl"),
  };
  const seconds = Math.round((performance.now() - start) / 1000);
  return {
    go,
    path: Object.values(go).map(dirname).join(":"),
    runc,
    cni: dirname(bridge),
    took: isBuilt ? `built from Go modules in ${seconds} s` : "built from Go modules earlier",
  };
}
