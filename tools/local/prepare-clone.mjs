import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { withElapsed } from "./elapsed.mjs";
import { cloneFolder, cloneStateFolder, makeFolder } from "./folders.mjs";
import { readJson, isRecord } from "./json-file.mjs";
import { withLock } from "./lock.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/** Installs what is missing and builds what is out of date in the clone. @param {Log} log */
export async function prepareClone(log) {
  await installModules(log);
  // tsc knows best what is current: the times of files say nothing of a build that failed, or of a removed source.
  const { seconds } = await withElapsed(log, "npm run build", () =>
    runCommand("npm", ["run", "-s", "build"], { cwd: cloneFolder, todo: "npm run check -- types shows all of it." }),
  );
  log(`build     dist is current (${seconds} s)`);
}

/**
 * Installs what package-lock.json asks for, where that is not done yet. Two commands at once in a fresh clone do it once.
 * @param {Log} log
 */
export function installModules(log) {
  return withLock(join(makeFolder(cloneStateFolder), "npm.lock"), log, async (share) => {
    if (areModulesCurrent()) return log("npm       node_modules is current");
    const args = ["ci", "--no-audit", "--no-fund"];
    const { seconds } = await withElapsed(log, "npm ci", () =>
      runCommand("npm", args, { cwd: cloneFolder, onStart: share }),
    );
    log(`npm       installed in ${seconds} s`);
  });
}

/** npm notes in node_modules what it installed: every package of the lock must be there in its version. */
function areModulesCurrent() {
  const installed = packagesOf(readJson(join(cloneFolder, "node_modules", ".package-lock.json")));
  const locked = packagesOf(readJson(join(cloneFolder, "package-lock.json")));
  if (!installed || !locked) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    const found = installed[path];
    // Optional packages are those of other systems. "" is the clone itself.
    if (path === "" || !isRecord(wanted) || wanted["optional"] === true || wanted["devOptional"] === true) return true;
    return isRecord(found) && found["version"] === wanted["version"] && found["integrity"] === wanted["integrity"];
  });
}

/** @param {unknown} lock */
function packagesOf(lock) {
  return isRecord(lock) && isRecord(lock["packages"]) ? lock["packages"] : undefined;
}
