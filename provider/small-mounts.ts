import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readIgnoreFile } from "../sdk/list-tree";
import { mountPoints, placeMounts, type MountPoint } from "../sdk/mount";
import { Selection } from "../sdk/selection";
import type { Mount } from "../sdk/step";

/** A file as a ConfigMap can hold it. */
export interface SmallFile {
  /** With the number of its point: `0/app.py`. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly executable: boolean;
}

/** The files of mounts that a ConfigMap can hold, or why none can. */
export type SmallMounts =
  | { readonly kind: "small"; readonly points: readonly MountPoint[]; readonly files: readonly SmallFile[] }
  | { readonly kind: "other"; readonly reason: string };

/** What the API server takes of one (kubernetes/pkg/apis/core/validation, MaxSecretSize). */
const MOST_BYTES = 1 << 20;
/** Each file is a key, an item of the volume and a managed field. */
const MOST_FILES = 200;

class NotSmall extends Error {}

/**
 * Reads the files of mounts where there are few, small and plain ones. It does not wait: Pulumi has to be told of a
 * ConfigMap in the call that makes it. Whatever is not plain is left to those who can say what is wrong with it.
 *
 * @param folder the program's folder
 */
export function readSmallMounts(mounts: readonly Mount[], folder: string): SmallMounts {
  const files = new Map<string, SmallFile>();
  let bytes = 0;
  const add = (path: string, absolutePath: string): void => {
    const stats = statSync(absolutePath);
    if (!stats.isFile()) throw new NotSmall(`${path} is no plain file`);
    const known = files.get(path);
    bytes += stats.size - (known?.bytes.length ?? 0);
    if (bytes > MOST_BYTES) throw new NotSmall("they have more than 1 MiB");
    if (known === undefined && files.size === MOST_FILES) throw new NotSmall(`they are more than ${MOST_FILES} files`);
    files.set(path, { path, bytes: readFileSync(absolutePath), executable: (stats.mode & 0o100) !== 0 });
  };
  try {
    for (const { mount, folder: at } of placeMounts(mounts)) {
      const source = join(folder, mount.source);
      if (mount.kind === "copyFile") add(`${at}/${mount.destination.split("/").at(-1)}`, source);
      else if (!walk({ selection: new Selection(mount, readIgnoreFile(source)), add, at }, source, "", false)) {
        throw new NotSmall(`${mount.source} is empty`);
      }
    }
  } catch (error) {
    if (error instanceof NotSmall) return { kind: "other", reason: error.message };
    return { kind: "other", reason: "not all of them can be read" };
  }
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const inFile = sorted.find(({ path }) => sorted.some((other) => other.path.startsWith(`${path}/`)));
  if (inFile !== undefined) return { kind: "other", reason: `${inFile.path} is a file and a folder` };
  return { kind: "small", points: mountPoints(mounts), files: sorted };
}

interface Walk {
  readonly selection: Selection;
  readonly add: (path: string, absolutePath: string) => void;
  readonly at: string;
}

/** @returns whether anything in it is taken. */
function walk({ selection, add, at }: Walk, folder: string, path: string, isBelowDenied: boolean): boolean {
  let isUsed = false;
  for (const name of readdirSync(folder).sort()) {
    const [inner, absolutePath] = [path === "" ? name : `${path}/${name}`, join(folder, name)];
    const stats = lstatSync(absolutePath);
    const { fate, isDenied } = selection.judge(inner, stats.isDirectory(), isBelowDenied);
    if (fate === "leave") continue;
    if (stats.isDirectory()) {
      const isFilled = walk({ selection, add, at }, absolutePath, inner, isDenied);
      if (!isFilled && fate === "take") throw new NotSmall(`${inner} is an empty folder`);
      isUsed ||= isFilled;
      continue;
    }
    if (stats.isSymbolicLink()) throw new NotSmall(`${inner} is a link`);
    if (name.includes("\ufffd") || name.startsWith(".wh.")) throw new NotSmall(`${inner} has an odd name`);
    add(`${at}/${inner}`, absolutePath);
    isUsed = true;
  }
  return isUsed;
}
