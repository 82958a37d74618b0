// Private instances for tests: each ends with stop(), and also when the process that started it dies without one.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clearBuildkitLeftovers, planBuildkit, runBuildkit } from "./buildkit.mjs";
import { endDaemon } from "./daemon.mjs";
import { endProcess } from "./process-identity.mjs";
import { anyFreePort, runRegistry } from "./registry.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 *
 * @typedef {object} Instance
 * @property {number} pid
 * @property {() => Promise<void>} stop ends it and everything that it runs; its root folder stays
 *
 * @typedef {object} ThrowAway
 * @property {import("./process-identity.mjs").ProcessIdentity} process
 * @property {"registry" | "buildkitd" | "moto"} name
 * @property {string} folder of its record
 * @property {string} data
 */

/**
 * Starts a registry for one test. With an `htpasswd` file (bcrypt, see TEST_HTPASSWD) it asks for basic auth.
 * @param {{ root: string, port?: number, htpasswd?: string, log?: Log }} options
 * @returns {Promise<Instance & { address: string }>} address is "localhost:<port>"
 */
export async function startRegistry({ root, port, htpasswd, log = () => {} }) {
  const options = { folder: root, data: join(root, "data"), port: port ?? (await anyFreePort()), htpasswd, log };
  const { address, process: process_ } = await runRegistry(options);
  return { address, ...throwAwayInstance({ process: process_, name: "registry", folder: root, data: root }) };
}

/**
 * Starts a BuildKit for one test; an empty `root` is an empty builder.
 * @param {{ root: string, mirrors?: Readonly<Record<string, string>>, socket?: string, caBundle?: string,
 *   platforms?: readonly string[], log?: Log }} options
 * `mirrors`: registry → where to look first; `caBundle`: a file of certificates that it trusts instead of the system's;
 * `platforms`: what it says that it runs, the native one first
 * @returns {Promise<Instance & { endpoint: string }>} endpoint is "unix://<socket>"
 */
export async function startBuildkit({ root, mirrors = {}, socket, caBundle, platforms, log = () => {} }) {
  const data = join(root, "data");
  const plan = await planBuildkit({ folder: root, root: data, mirrors, socket, caBundle, platforms, log });
  const { address, process: process_ } = await runBuildkit(plan);
  return {
    endpoint: address,
    ...throwAwayInstance({ process: process_, name: "buildkitd", folder: root, data: plan.root }),
  };
}

/** Has a process end with its starter. @param {ThrowAway} throwAway @returns {Instance} */
export function throwAwayInstance(throwAway) {
  // A process that ends when our end of its stdin closes: the kernel closes it however we die.
  const script = fileURLToPath(new URL("reaper.mjs", import.meta.url));
  const reaper = spawn(process.execPath, [script, JSON.stringify(throwAway)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  reaper.unref();
  if ("unref" in reaper.stdin && typeof reaper.stdin.unref === "function") reaper.stdin.unref();
  reaper.stdin.on("error", () => {});
  return {
    pid: throwAway.process.pid,
    stop: async () => {
      await endThrowAway(throwAway);
      reaper.kill("SIGKILL"); // Woken later, it would end the next instance with the same root.
    },
  };
}

/** By the process itself: its starter may have removed the folder with its record. @param {ThrowAway} throwAway */
export async function endThrowAway({ process: process_, name, folder, data }) {
  await endProcess(process_, { graceMs: 1_000 }); // Nobody will read its data again.
  await endDaemon(folder, name);
  if (name === "buildkitd") await clearBuildkitLeftovers(data);
}
