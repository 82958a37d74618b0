// Other versions of Node, for tests: from npm's packages of its binaries, installed once each.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { cacheFolder, makeFolder } from "./folders.mjs";
import { withLock } from "./lock.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/** Of each major version that Slipway runs on, the one that tests take where they do not run on it themselves. */
const versions = { 20: "20.20.2", 24: "24.21.0" };

/**
 * The executable of a major version of Node: this process' own, where it is of that version.
 * @param {keyof typeof versions} major
 * @param {Log} [log]
 * @returns {Promise<string>}
 */
export async function takeNode(major, log = () => {}) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const version = versions[major];
  const name = `node-${process.platform}-${process.arch}`;
  const folder = makeFolder(join(cacheFolder(), "node", version));
  const executable = join(folder, "node_modules", name, "bin", "node");
  const mark = join(folder, "complete");
  await withLock(join(folder, "lock"), log, async () => {
    if (existsSync(mark)) return;
    log(`  … installing Node ${version} from npm, 40 MB, once`);
    const args = ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", `${name}@${version}`];
    await runCommand("npm", args, { todo: `Tests need Node ${version}, which npm has as ${name}.` });
    writeFileSync(mark, "");
  });
  return executable;
}
