// Where the local environment keeps its things: what is expensive in the user's cache, shared by all clones;
// what belongs to one clone in that clone's .slipway/.
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The clone that this file lies in. */
export const cloneFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One clone's own things: its bin folder and the Pulumi state of its stacks. */
export const cloneStateFolder = join(cloneFolder, ".slipway");

/** The folder that goes in front of PATH. */
export const binFolder = join(cloneStateFolder, "bin");

/** What is shared between clones and survives `stop`. @returns {string} */
export function cacheFolder() {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return makeFolder(resolve(process.env["SLIPWAY_CACHE"] || join(base, "slipway")));
}

/** State of the shared registry and BuildKit: process ids, sockets, logs, data. @returns {string} */
export function localFolder() {
  return makeFolder(join(cacheFolder(), "local"));
}

/** Creates a folder with its parents and returns its path. @param {string} path */
export function makeFolder(path) {
  mkdirSync(path, { recursive: true });
  return path;
}
