import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { execFileSync } from "node:child_process";
import type { Random } from "./random";

/** A project of files that are large enough to be edited while they are read. */
export function writeProject(folder: string, random: Random): void {
  mkdirSync(join(folder, "lib/empty"), { recursive: true });
  for (const [path, sizeBytes] of projectFiles) {
    writeFileSync(join(folder, path), Buffer.alloc(sizeBytes, random.hex()));
  }
  chmodSync(join(folder, "lib/run.sh"), 0o755);
  symlinkSync("lib/run.sh", join(folder, "link"));
}

/** How an error may name a folder that is gone: by something in it. */
const LIB = ["lib", "lib/b.bin", "lib/run.sh", "lib/empty"];

const projectFiles: readonly (readonly [string, number])[] = [
  ["a.bin", 700_000],
  ["lib/b.bin", 1_200_000],
  ["lib/run.sh", 300],
  ["main.py", 2_000],
  ["y.bin", 1_500_000],
  ["z.bin", 900_000],
];

/** As often, at least, the files of a project are read to hash them in one thread. */
export const HASHING_READS = 12;

/** As often, at least, they are read to send or to stage them. */
export const SENDING_READS = 14;

const MANY_FILES = 2_100;

/** As often, at least, threads tell that they hashed some of the files that writeManyFiles adds. */
export const BATCHES = 10;

/** So many that threads hash them. */
export function writeManyFiles(folder: string): void {
  mkdirSync(join(folder, "many"));
  for (let index = 0; index < MANY_FILES; index += 1) writeFileSync(join(folder, `many/${index}`), String(index));
}

/** What is sent of a project, a little less than the whole tar. */
export const PROJECT_BYTES = projectFiles.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);

/** One edit of a project. */
export interface FileEdit {
  /** Any of these names what was edited; an entry that came or went, its folder may name. */
  readonly names: readonly string[];
  readonly apply: () => void;
}

type MakeEdit = (folder: string, random: Random) => FileEdit;

/** Every way to edit a folder that we could think of. */
export const fileEdits: Readonly<Record<string, MakeEdit>> = {
  "byte changed in place, times put back": onFile((path, random) => {
    const { atime, mtime, size } = statSync(path);
    const file = openSync(path, "r+");
    const at = random.below(size);
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 1;
    writeSync(file, byte, 0, 1, at);
    closeSync(file);
    utimesSync(path, atime, mtime);
  }),
  "all bytes changed, same size": onFile((path) => writeFileSync(path, Buffer.alloc(statSync(path).size, "!"))),
  appended: onFile((path) => appendFileSync(path, "more")),
  truncated: onFile((path, random) => truncateSync(path, random.below(statSync(path).size))),
  emptied: onFile((path) => truncateSync(path, 0)),
  "replaced by rename, same size": onFile((path, random) => {
    const beside = `${dirname(dirname(path))}-${random.hex()}`;
    writeFileSync(beside, Buffer.alloc(statSync(path).size, "?"), { mode: statSync(path).mode });
    renameSync(beside, path);
  }),
  "exec bit": onFile((path) => chmodSync(path, statSync(path).mode ^ 0o111)),
  "target of a link": (folder) => ({
    names: ["link", "."],
    apply: () => {
      rmSync(join(folder, "link"));
      symlinkSync("lib/../main.py", join(folder, "link"));
    },
  }),
  "ignore rules written": (folder) => ({
    names: [".dockerignore", "."],
    apply: () => writeFileSync(join(folder, ".dockerignore"), "lib\n*.py\n"),
  }),
  "file added": inFolder((path) => writeFileSync(join(path, "added"), "added")),
  "empty folder added": inFolder((path) => mkdirSync(join(path, "added"))),
  "link added": inFolder((path) => symlinkSync("x", join(path, "added"))),
  "file removed": onFile((path) => rmSync(path), "its folder may be named"),
  renamed: onFile((path) => renameSync(path, `${path}-2`), "its folder may be named"),
  "link removed": (folder) => ({ names: ["link", "."], apply: () => rmSync(join(folder, "link")) }),
  "empty folder removed": (folder) => ({
    names: ["lib/empty", "lib"],
    apply: () => rmSync(join(folder, "lib/empty"), { recursive: true }),
  }),
  "folder renamed": (folder) => ({
    names: [...LIB, "lib2", "."],
    apply: () => renameSync(join(folder, "lib"), join(folder, "lib2")),
  }),
  "file becomes a folder": onFile((path) => {
    rmSync(path);
    mkdirSync(path);
  }, "its folder may be named"),
  "file becomes a link to other bytes": onFile((path) => {
    writeFileSync(`${dirname(path)}/other`, Buffer.alloc(statSync(path).size, "#"));
    rmSync(path);
    symlinkSync("other", path);
  }, "its folder may be named"),
  "file becomes a link to itself, moved": onFile((path) => {
    renameSync(path, `${path}-moved`);
    symlinkSync(`${basename(path)}-moved`, path);
  }, "its folder may be named"),
  "file becomes a pipe": onFile((path) => {
    rmSync(path);
    execFileSync("mkfifo", [path]);
  }, "its folder may be named"),
  "folder becomes a link to itself, moved": (folder) => ({
    names: [...LIB, "moved", "."],
    apply: () => {
      renameSync(join(folder, "lib"), join(folder, "moved"));
      symlinkSync("moved", join(folder, "lib"));
    },
  }),
};

function onFile(
  edit: (path: string, random: Random) => void,
  naming: "itself is named" | "its folder may be named" = "itself is named",
): MakeEdit {
  return (folder, random) => {
    const [path] = random.pick(projectFiles);
    const other = join(dirname(path), "other");
    const names = naming === "itself is named" ? [path] : [path, `${path}-2`, `${path}-moved`, dirname(path), other];
    return { names, apply: () => edit(join(folder, path), random) };
  };
}

function inFolder(edit: (path: string) => void): MakeEdit {
  return (folder, random) => {
    const path = random.pick([".", "lib", "lib/empty"]);
    const added = path === "." ? "added" : `${path}/added`;
    return { names: [added, path], apply: () => edit(join(folder, path)) };
  };
}
