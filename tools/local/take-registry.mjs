import { join } from "node:path";
import { isLoopback } from "./buildkit.mjs";
import { endDaemon, readDaemon } from "./daemon.mjs";
import { runRegistryContainer } from "./docker.mjs";
import { localFolder } from "./folders.mjs";
import { buildGoTool } from "./go-tool.mjs";
import { isRecord, readJson, writeJson } from "./json-file.mjs";
import { Problem } from "./problem.mjs";
import { isRegistry, nextFreePort, registryFingerprint, runRegistry } from "./registry.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 *
 * @typedef {object} TakenRegistry
 * @property {string} address host:port
 * @property {string} repository where images go
 * @property {string} took
 * @property {boolean} wasStarted by this call
 */

const defaultRepository = "localhost:5000/images";

/**
 * The registry of the environment: the one that answers where it is configured, else one that we start.
 * @param {{ repository: string | undefined, hasDocker: boolean, log: Log }} options `repository` as the user configured it
 * @returns {Promise<TakenRegistry>}
 */
export async function takeRegistry({ repository, hasDocker, log }) {
  const wanted = repository ?? defaultRepository;
  const host = hostOf(wanted);
  if (!isLoopback(host))
    return { address: host, repository: wanted, took: `${host} (SLIPWAY_REPOSITORY)`, wasStarted: false };
  const running = readDaemon(localFolder(), "registry");
  const isForeign = running?.address !== host && (running === undefined || repository !== undefined);
  if (isForeign && (await isRegistry(host))) {
    return { address: host, repository: wanted, took: `${host} answers already`, wasStarted: false };
  }
  /** @param {string} address @param {string} took @param {boolean} wasStarted @returns {TakenRegistry} */
  const taken = (address, took, wasStarted) => ({
    address,
    repository: wanted.replace(host, address),
    took,
    wasStarted,
  });
  return hasDocker && !running ? inContainer(portOf(host), taken) : ofOurOwn(portOf(host), running, taken, log);
}

/** Where the file says that a container of ours runs. */
export const containerRecordFile = () => join(localFolder(), "registry-container.json");

/**
 * @param {number} port
 * @param {(address: string, took: string, wasStarted: boolean) => TakenRegistry} taken
 */
async function inContainer(port, taken) {
  const earlier = readContainerAddress();
  if (earlier !== undefined && (await isRegistry(earlier))) {
    return taken(earlier, `container slipway-registry at ${earlier}, running already`, false);
  }
  const free = await nextFreePort(port);
  const address = `localhost:${free}`;
  await runRegistryContainer(free);
  writeJson(containerRecordFile(), { container: "slipway-registry", address });
  if (!(await answersWithin(address, 20_000))) {
    throw new Problem({
      doing: `Starting the container slipway-registry at ${address}`,
      found: "it does not answer",
      todo: "`docker logs slipway-registry` tells why.",
    });
  }
  return taken(address, `container slipway-registry (registry:3) at ${address}${moved(port, free)}`, true);
}

function readContainerAddress() {
  const record = readJson(containerRecordFile());
  return isRecord(record) && typeof record["address"] === "string" ? record["address"] : undefined;
}

/** @param {string} address @param {number} withinMs */
async function answersWithin(address, withinMs) {
  const end = performance.now() + withinMs;
  while (!(await isRegistry(address))) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

/**
 * @param {number} port
 * @param {import("./daemon.mjs").DaemonRecord | undefined} running
 * @param {(address: string, took: string, wasStarted: boolean) => TakenRegistry} taken
 * @param {Log} log
 */
async function ofOurOwn(port, running, taken, log) {
  const { path, took } = await buildGoTool("registry", log);
  if (running?.fingerprint === registryFingerprint(path) && (await isRegistry(running.address))) {
    return taken(running.address, `ours at ${running.address}, running already`, false);
  }
  const folder = localFolder();
  await endDaemon(folder, "registry");
  const free = await nextFreePort(running ? portOf(running.address) : port);
  const { address } = await runRegistry({ folder, data: join(folder, "registry"), port: free, log });
  return taken(address, `${took}, started at ${address}${moved(port, free)}`, true);
}

/** @param {number} wanted @param {number} found */
const moved = (wanted, found) => (wanted === found ? "" : `: port ${wanted} belongs to something else`);

/** @param {string} repository */
const hostOf = (repository) => repository.split("/")[0] ?? repository;

/** @param {string} host */
const portOf = (host) => Number(/:(\d+)$/.exec(host)?.[1] ?? 80);
