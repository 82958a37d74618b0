import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../local/folders.mjs";
import { isRecord, readJson, writeJson } from "../local/json-file.mjs";
import { anyFreePort, nextFreePort } from "../local/registry.mjs";

/**
 * @typedef {import("./node-settings.mjs").NodePlace} NodePlace
 *
 * @typedef {object} ClusterPlace
 * @property {string} folder
 * @property {string} certificates
 * @property {string} kubeconfig of whoever may do everything
 * @property {string} server
 * @property {string} network first three numbers of the nodes' addresses
 * @property {{ readonly apiserver: number, readonly etcd: number, readonly etcdPeer: number,
 *   readonly controllers: number, readonly scheduler: number }} ports
 */

/**
 * Where a cluster lies and listens; the same for one folder, once it was chosen.
 * @param {string} folder
 * @param {{ number: number }} options 0 to 99, another one for each cluster that runs at the same time
 * @returns {Promise<ClusterPlace>}
 */
export async function choosePlace(folder, { number }) {
  const real = realpathSync(makeFolder(folder)); // as the mount table names it
  const file = join(real, "place.json");
  const ports = readPorts(readJson(file)) ?? (await choosePorts(number));
  writeJson(file, { ports, number });
  return placeOf(real, ports, number);
}

/** The place that was chosen for a folder, if one was. @param {string} folder @returns {ClusterPlace | undefined} */
export function readPlace(folder) {
  const record = readJson(join(folder, "place.json"));
  const ports = readPorts(record);
  if (!ports || !isRecord(record) || typeof record["number"] !== "number") return undefined;
  return placeOf(realpathSync(folder), ports, record["number"]);
}

/**
 * @param {ClusterPlace} place
 * @param {string} name
 * @param {number} index from 1
 * @returns {NodePlace}
 */
export function nodePlace(place, name, index) {
  const id = createHash("sha256").update(place.folder).digest("hex").slice(0, 8);
  return {
    folder: join(place.folder, "nodes", name),
    // 198.18.0.0/15 is for tests of network equipment (RFC 2544): nothing that this machine talks to has such an address.
    address: `${place.network}.${10 + index}`,
    cgroup: `/slipway-${id}/${name}`,
    bridge: `slip${id.slice(0, 6)}${index}`, // 15 characters at most
    podNetwork: `10.${150 + (Number(place.network.split(".")[2]) % 100)}.${index}`,
    certificates: place.certificates,
  };
}

/** @param {string} folder @param {ClusterPlace["ports"]} ports @param {number} number @returns {ClusterPlace} */
function placeOf(folder, ports, number) {
  return {
    folder,
    certificates: join(folder, "certificates"),
    kubeconfig: join(folder, "admin.kubeconfig"),
    server: `https://127.0.0.1:${ports.apiserver}`,
    network: `198.18.${100 + number}`,
    ports,
  };
}

/** @param {number} number @returns {Promise<ClusterPlace["ports"]>} */
async function choosePorts(number) {
  const apiserver = await nextFreePort(6443 + number);
  return {
    apiserver,
    etcd: await anyFreePort(),
    etcdPeer: await anyFreePort(),
    controllers: await anyFreePort(),
    scheduler: await anyFreePort(),
  };
}

/** @param {unknown} record @returns {ClusterPlace["ports"] | undefined} */
function readPorts(record) {
  if (!isRecord(record) || !isRecord(record["ports"])) return undefined;
  const { apiserver, etcd, etcdPeer, controllers, scheduler } = record["ports"];
  if (typeof apiserver !== "number" || typeof etcd !== "number" || typeof etcdPeer !== "number") return undefined;
  if (typeof controllers !== "number" || typeof scheduler !== "number") return undefined;
  return { apiserver, etcd, etcdPeer, controllers, scheduler };
}
