import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { requireDebianCommand, requireDebianFile } from "../local/debian.mjs";
import { buildGoTool } from "../local/go-tool.mjs";

/** @typedef {import("../local/elapsed.mjs").Log} Log */

const names = /** @type {const} */ ([
  "etcd",
  "containerd",
  "containerd-shim-runc-v2",
  "ctr",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kubectl",
]);

/**
 * @typedef {object} Binaries
 * @property {Readonly<Record<typeof names[number], string>>} go path of each executable that was built
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

  /** @type {Record<string, string>} */
  const go = {};
  const start = performance.now();
  let isBuilt = false;
  // One after the other: each build uses all cores.
  for (const name of names) {
    const { path, took } = await buildGoTool(name, log);
    if (!took.endsWith("earlier")) {
      log(`  ${name} ${took}`);
      isBuilt = true;
    }
    go[name] = path;
  }
  const seconds = Math.round((performance.now() - start) / 1000);
  return {
    go: checked(go),
    path: names.map((name) => dirname(go[name] ?? "")).join(":"),
    runc,
    cni: dirname(bridge),
    took: isBuilt ? `built from Go modules in ${seconds} s` : "built from Go modules earlier",
  };
}

/** @param {Record<string, string>} paths @returns {Binaries["go"]} */
function checked(paths) {
  for (const name of names) if (!existsSync(paths[name] ?? "")) throw new Error(`${name} was not built`);
  return /** @type {Binaries["go"]} */ (paths);
}
