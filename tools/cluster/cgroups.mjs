import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Makes a control group in every hierarchy: kubelet wants its root in all of them, `name=systemd` included.
 * @param {string} path absolute, below the root of each hierarchy
 */
export function makeCgroup(path) {
  for (const root of hierarchies()) makeIn(join(root, path), root);
}

/** Removes a control group whose processes are gone, with those below it. @param {string} path */
export function removeCgroup(path) {
  for (const root of hierarchies()) removeTree(join(root, path));
}

/** @param {string} folder @param {string} root */
function makeIn(folder, root) {
  if (folder === root) return;
  makeIn(dirname(folder), root);
  if (!existsSync(folder)) mkdirSync(folder);
  // A new cpuset is empty, and nothing can run in it.
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    const [own, parents] = [join(folder, name), join(dirname(folder), name)];
    if (existsSync(own) && existsSync(parents) && readFileSync(own, "utf8").trim() === "") {
      writeFileSync(own, readFileSync(parents, "utf8"));
    }
  }
}

/** @param {string} folder */
function removeTree(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  try {
    rmdirSync(folder); // Its files are the kernel's own and go with it.
  } catch {
    // Something still runs in it, or just ended: the next start uses it again.
  }
}

/** Where control groups are mounted, of version 1 and 2. @returns {string[]} */
function hierarchies() {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup" || type === "cgroup2")
    .map(([, path]) => path ?? "");
}
