import {
  copyFileSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { basename, join } from "node:path";
import { binFolder, cloneFolder, makeFolder } from "./folders.mjs";
import { writeWhole } from "./json-file.mjs";

/**
 * Fills the folder that goes in front of PATH: links to what was taken, and small scripts.
 * @param {{ pulumi: import("./pulumi-cli.mjs").PulumiCli, buildx: string, kubectl?: string | undefined }} tools
 * `buildx` is its executable, or "docker" for docker's plugin; `kubectl` where the local Kubernetes runs
 */
export function fillBinFolder({ pulumi, buildx, kubectl }) {
  /** @type {Map<string, { link: string } | { file: string } | { script: string }>} */
  const wanted = new Map();
  for (const path of pulumi.executables)
    wanted.set(basename(path), pulumi.hasNodeHost ? { link: path } : { file: path });
  if (!pulumi.hasNodeHost) {
    // The CLI follows links to find the folder that it lies in, and warns of plugins that lie in another one:
    // so it is here as a file of its own, beside the stand-ins.
    const host = join(cloneFolder, "tools", "pulumi-host");
    wanted.set("pulumi-language-nodejs", { script: `exec node ${quote(join(host, "language-host.mjs"))} "$@"` });
    wanted.set("pulumi-resource-pulumi-nodejs", {
      // The provider's file must be the main module of its process, so it is found first and run second.
      script: `provider=$(node ${quote(join(host, "find-dynamic-provider.mjs"))}) && exec node "$provider" "$@"`,
    });
    const kubernetes = join(cloneFolder, "tools", "kubernetes-plugin", "plugin.mjs");
    wanted.set("pulumi-resource-kubernetes", { script: `exec node ${quote(kubernetes)} "$@"` });
  }
  wanted.set("buildx", buildx === "docker" ? { script: 'exec docker buildx "$@"' } : { link: buildx });
  if (kubectl !== undefined) wanted.set("kubectl", { link: kubectl });
  wanted.set("slipway", { script: `exec node ${quote(join(cloneFolder, "dist", "cli", "main.js"))} "$@"` });

  makeFolder(binFolder);
  for (const name of readdirSync(binFolder)) if (!wanted.has(name)) rmSync(join(binFolder, name), { force: true });
  for (const [name, entry] of wanted) {
    if ("link" in entry) link(join(binFolder, name), entry.link);
    else if ("file" in entry) file(join(binFolder, name), entry.file);
    else script(join(binFolder, name), `#!/bin/sh\n${entry.script}\n`);
  }
}

/** One word of a POSIX shell. @param {string} text @returns {string} */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string} path @param {string} target */
function link(path, target) {
  if (isLink(path) && readlinkSync(path) === target) return;
  const partial = `${path}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  symlinkSync(target, partial);
  renameSync(partial, path); // Somebody may be running it right now: never a moment without one.
}

/** A hard link where the file system allows it, else a copy. @param {string} path @param {string} source */
function file(path, source) {
  const [there, wanted] = [lstatSync(path, { throwIfNoEntry: false }), statSync(source)];
  if (there?.isFile() && there.size === wanted.size && there.mtimeMs === wanted.mtimeMs) return;
  const partial = `${path}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  try {
    linkSync(source, partial);
  } catch {
    copyFileSync(source, partial);
    utimesSync(partial, wanted.atime, wanted.mtime);
  }
  renameSync(partial, path);
}

/** @param {string} path @param {string} text */
function script(path, text) {
  if (!isLink(path) && read(path) === text) return;
  writeWhole(path, text, 0o755);
}

/** @param {string} path */
const isLink = (path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
