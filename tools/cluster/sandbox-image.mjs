import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cloneFolder } from "../local/folders.mjs";
import { imageArchive } from "./image-archive.mjs";

/** What holds a pod's namespaces, imported into each node: no registry is asked for it. */
export const sandboxImage = "localhost/slipway-pause:1";

/**
 * Writes the sandbox image as a file that nodes import, and returns its path.
 * @param {string} folder
 * @returns {string}
 */
export function makeSandboxImage(folder) {
  const path = join(folder, "sandbox.tar");
  if (existsSync(path)) return path;
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const binaries = JSON.parse(readFileSync(join(cloneFolder, "provider", "pause", "binaries.json"), "utf8"));
  const pause = { name: "pause", mode: 0o755, bytes: Buffer.from(binaries[architecture], "base64") };
  const partial = `${path}.partial`;
  writeFileSync(partial, imageArchive({ name: sandboxImage, files: [pause], entrypoint: ["/pause"] }));
  renameSync(partial, path);
  return path;
}
