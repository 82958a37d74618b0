// The processes that make up the control plane, each on 127.0.0.1.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { endDaemon, readDaemon, startDaemon } from "../local/daemon.mjs";
import { makeFolder } from "../local/folders.mjs";
import { kubeRequests } from "./kube-request.mjs";

/**
 * @typedef {import("./places.mjs").ClusterPlace} ClusterPlace
 * @typedef {import("./binaries.mjs").Binaries} Binaries
 *
 * @typedef {object} Part
 * @property {string} name
 * @property {string} command
 * @property {readonly string[]} args
 * @property {string} address
 * @property {() => Promise<boolean>} isReady
 */

/** In the order in which they end; they start the other way round. */
export const partNames = Object.freeze(["kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"]);

/**
 * Starts what does not run yet.
 * @param {ClusterPlace} place
 * @param {Binaries} binaries
 * @param {readonly string[]} apiserverFlags
 * @returns {Promise<string[]>} names of what was started
 */
export async function startControlPlane(place, binaries, apiserverFlags) {
  const { etcd, apiserver, controllers, scheduler } = parts(place, binaries, apiserverFlags);
  const first = [await ensure(place, etcd), await ensure(place, apiserver)];
  const rest = await Promise.all([ensure(place, controllers), ensure(place, scheduler)]);
  return [...first, ...rest].filter((name) => name !== undefined);
}

/** @param {ClusterPlace} place @param {Part} part @returns {Promise<string | undefined>} */
async function ensure({ folder }, { name, command, args, address, isReady }) {
  const fingerprint = createHash("sha256")
    .update([command, ...args].join("\0"))
    .digest("hex");
  const running = readDaemon(folder, name);
  if (running?.fingerprint === fingerprint && (await isReady())) return undefined;
  await endDaemon(folder, name, { graceMs: 10_000 });
  await startDaemon({ name, folder, command, args, env: noProxy, address, fingerprint, isReady, readyMs: 120_000 });
  return name;
}

/** The parts talk to each other only, whatever this machine uses to reach others. */
const noProxy = { HTTP_PROXY: "", HTTPS_PROXY: "", ALL_PROXY: "", http_proxy: "", https_proxy: "", all_proxy: "" };

/** @param {ClusterPlace} place @param {Binaries} binaries @param {readonly string[]} apiserverFlags */
function parts(place, { go }, apiserverFlags) {
  const { folder, certificates, ports } = place;
  const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
  const peerUrl = `http://127.0.0.1:${ports.etcdPeer}`;
  /** @param {string} name */
  const pki = (name) => join(certificates, name);
  /** @type {Part} */
  const etcd = {
    name: "etcd",
    command: go.etcd,
    args: [
      `--data-dir=${makeFolder(join(folder, "etcd"))}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      "--unsafe-no-fsync", // A cluster to try out; its disk is shared with builds.
    ],
    address: etcdUrl,
    isReady: () => answersOk(`${etcdUrl}/health`),
  };
  /** @type {Part} */
  const apiserver = {
    name: "kube-apiserver",
    command: go["kube-apiserver"],
    args: [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.apiserver}`,
      // A loopback address is not allowed among the endpoints of the service "kubernetes", so nobody writes them. The
      // address here is then unused, but without one a default route is looked for.
      "--endpoint-reconciler-type=none",
      `--advertise-address=${place.network}.1`,
      `--tls-cert-file=${pki("apiserver.crt")}`,
      `--tls-private-key-file=${pki("apiserver.key")}`,
      `--client-ca-file=${pki("ca.crt")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${pki("sa.key")}`,
      `--service-account-signing-key-file=${pki("sa.key")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      `--kubelet-certificate-authority=${pki("ca.crt")}`,
      `--kubelet-client-certificate=${pki("apiserver-kubelet-client.crt")}`,
      `--kubelet-client-key=${pki("apiserver-kubelet-client.key")}`,
      "--kubelet-preferred-address-types=InternalIP",
      "--allow-privileged=true",
      ...apiserverFlags,
    ],
    address: place.server,
    isReady: async () => (await tryAsk(place.kubeconfig, "/readyz")) === 200,
  };
  /** @type {Part} */
  const controllers = {
    name: "kube-controller-manager",
    command: go["kube-controller-manager"],
    args: [
      `--kubeconfig=${join(folder, "controllers.kubeconfig")}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.controllers}`,
      `--service-account-private-key-file=${pki("sa.key")}`,
      `--root-ca-file=${pki("ca.crt")}`,
      "--use-service-account-credentials=false", // One identity for all controllers is ready 4 s sooner.
    ],
    address: `https://127.0.0.1:${ports.controllers}`,
    // It answers its own health before it works: what it is there for is the account of pods.
    isReady: async () => (await tryAsk(place.kubeconfig, "/api/v1/namespaces/default/serviceaccounts/default")) === 200,
  };
  /** @type {Part} */
  const scheduler = {
    name: "kube-scheduler",
    command: go["kube-scheduler"],
    args: [
      `--kubeconfig=${join(folder, "scheduler.kubeconfig")}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.scheduler}`,
    ],
    address: `https://127.0.0.1:${ports.scheduler}`,
    isReady: () => Promise.resolve(true), // A pod shows whether it works; nothing waits for it before that.
  };
  return { etcd, apiserver, controllers, scheduler };
}

/** @param {string} url */
async function answersOk(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** @param {string} kubeconfig @param {string} path */
async function tryAsk(kubeconfig, path) {
  try {
    return (await kubeRequests(kubeconfig)("GET", path)).status;
  } catch {
    return undefined;
  }
}
