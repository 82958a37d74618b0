import { readFileSync } from "node:fs";
import { tryCommand } from "./command.mjs";

/**
 * Unmounts everything below a folder, also what somebody still uses; nothing elsewhere.
 * @param {string} folder as the mount table names it: absolute, links resolved
 */
export async function unmountUnder(folder) {
  const mountPoints = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  // The last mounted first: mounts lie on mounts.
  for (const path of mountPoints.filter((one) => one.startsWith(`${folder}/`)).reverse()) {
    await tryCommand("umount", ["--lazy", path]);
  }
}
