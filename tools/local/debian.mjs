import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "./command.mjs";
import { withElapsed } from "./elapsed.mjs";
import { Problem } from "./problem.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/** Whether this process may mount, chroot and install. */
export const isRoot = process.getuid?.() === 0;

/**
 * The path of a command that Debian has a package for, installed when it is missing and we may.
 * @param {string} command
 * @param {{ package: string, why: string, log: Log }} options
 * @returns {Promise<string>}
 */
export async function requireDebianCommand(command, { package: packageName, why, log }) {
  return findCommand(command) ?? (await installFor(command, () => findCommand(command), packageName, why, log));
}

/**
 * A file that Debian has a package for, installed when it is missing and we may.
 * @param {string} path
 * @param {{ package: string, why: string, log: Log }} options
 */
export async function requireDebianFile(path, { package: packageName, why, log }) {
  const find = () => (existsSync(path) ? path : undefined);
  if (!find()) await installFor(path, find, packageName, why, log);
}

/**
 * @param {string} what
 * @param {() => string | undefined} find
 * @param {string} packageName
 * @param {string} why
 * @param {Log} log
 * @returns {Promise<string>}
 */
async function installFor(what, find, packageName, why, log) {
  if (!isRoot || !findCommand("apt-get")) {
    throw new Problem({
      doing: `Looking for ${what} (${why})`,
      found: "it is not installed",
      todo: `Install it (on Debian: sudo apt-get update && sudo apt-get install -y ${packageName}) and start again.`,
    });
  }
  installation = installation.then(() => install(packageName, why, log));
  await installation;
  const installed = find();
  if (!installed) throw new Error(`The package ${packageName} brought no ${what}`);
  return installed;
}

/** apt lets one installation run at a time. */
let installation = Promise.resolve();

/** @param {string} packageName @param {string} why @param {Log} log */
async function install(packageName, why, log) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { seconds } = await withElapsed(log, `installing ${packageName}`, async () => {
    const patient = ["-q", "-o", "DPkg::Lock::Timeout=120"]; // On a new machine its own updates may be running.
    await runCommand("apt-get", ["update", ...patient], { env });
    await runCommand("apt-get", ["install", "-y", ...patient, "--no-install-recommends", packageName], { env });
  });
  log(`${packageName} installed from Debian in ${seconds} s (${why})`);
}

/** The path of a command, also where only root's PATH looks. @param {string} name @returns {string | undefined} */
function findCommand(name) {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
