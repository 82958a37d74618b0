// What nobody can do without who looks for changed files in Node: bench/tree-hash.mjs FOLDER.
import { lstatSync, readdirSync } from "node:fs";

/** @param {string} folder */
function stat(folder) {
  for (const child of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${child.name}`;
    if (child.isDirectory()) stat(path);
    else lstatSync(path, { bigint: true });
  }
}
stat(process.argv[2] ?? ".");
