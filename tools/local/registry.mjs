import { createHash, randomBytes, randomInt } from "node:crypto";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { startDaemon } from "./daemon.mjs";
import { makeFolder } from "./folders.mjs";
import { buildGoTool } from "./go-tool.mjs";
import { writeWhole } from "./json-file.mjs";
import { Problem } from "./problem.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 * @typedef {import("./daemon.mjs").DaemonRecord} DaemonRecord
 */

/**
 * Starts a registry of our own on the loopback interface, with deletion enabled.
 * @param {{ folder: string, data: string, port: number, htpasswd?: string | undefined, log: Log }} options
 * `folder` is for its record, log and settings, `data` for what is pushed
 * @returns {Promise<DaemonRecord>}
 */
export async function runRegistry({ folder, data, port, htpasswd, log }) {
  const { path } = await buildGoTool("registry", log);
  const address = `localhost:${port}`;
  // Otherwise the answer of whoever has the port would pass for ours.
  if ((await nextFreePort(port)) !== port) {
    throw new Problem({
      doing: `Starting a registry at ${address}`,
      found: "the port is in use",
      todo: "Leave out the port, or choose another one.",
    });
  }
  const settings = join(makeFolder(folder), "registry.yml");
  writeWhole(settings, registrySettings({ port, data: makeFolder(data), htpasswd }), 0o600);
  return startDaemon({
    name: "registry",
    folder,
    command: path,
    args: ["serve", settings],
    env: { OTEL_TRACES_EXPORTER: "none" }, // Otherwise it looks for a collector and fills the log with its absence.
    address,
    fingerprint: registryFingerprint(path),
    isReady: () => isRegistry(address),
  });
}

/** Changes when a running registry of ours is another program. @param {string} path */
export const registryFingerprint = (path) => createHash("sha256").update(path).digest("hex");

/** Whether a registry, and not something else, answers at host:port. @param {string} address @returns {Promise<boolean>} */
export async function isRegistry(address) {
  try {
    const response = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(2_000), redirect: "manual" });
    await response.body?.cancel();
    return response.headers.has("docker-distribution-api-version");
  } catch {
    return false;
  }
}

/** Ports near ours that `fetch` refuses to speak to (https://fetch.spec.whatwg.org/#port-blocking). */
const blockedByFetch = new Set([5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697]);

/** The first port from `port` on where nothing listens. @param {number} port @returns {Promise<number>} */
export async function nextFreePort(port) {
  if (blockedByFetch.has(port)) return nextFreePort(port + 1);
  // A bind on 127.0.0.1 can succeed beside a server on all interfaces (macOS AirPlay), so knock first.
  const isTaken = (await answers("127.0.0.1", port)) || (await answers("::1", port)) || !(await listen(port));
  return isTaken ? nextFreePort(port + 1) : port;
}

/**
 * Any free port below those that a kernel gives to connections (Linux from 32768, macOS from 49152) and below
 * Kubernetes' node ports: nothing takes it by chance between two servers of a test. @returns {Promise<number>}
 */
export async function anyFreePort() {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = await listen(randomInt(11_000, 30_000));
    if (port !== undefined) return port;
  }
  throw new Error("No free port on the loopback interface");
}

/** @param {{ port: number, data: string, htpasswd: string | undefined }} options */
function registrySettings({ port, data, htpasswd }) {
  // No blob descriptor cache: it would go on telling of blobs that were removed from the folder.
  // JSON strings are YAML strings.
  const settings = {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString("hex") },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: "slipway", path: htpasswd } } }),
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** @param {string} host @param {number} port @returns {Promise<boolean>} */
function answers(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    /** @param {boolean} answer */
    const finish = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => finish(true));
    socket.on("timeout", () => finish(true));
    socket.on("error", () => finish(false));
  });
}

/** Binds a port for a moment and says which. @param {number} port @returns {Promise<number | undefined>} */
function listen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(undefined));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
