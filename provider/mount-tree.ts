import { placeMounts, type PlacedMount } from "../sdk/mount";
import { listSource } from "../sdk/sources";
import type { CallSite } from "../sdk/call-site";
import type { ResolvedMount } from "../sdk/spec";
import { joinPath } from "../sdk/files";
import { SlipwayError } from "../sdk/error";
import type { ContextPart } from "./context";
import { utf8Order, type TreeEntry } from "../sdk/tree";

/** The local files of an image's mounts. */
export interface MountFiles {
  /** One for each mount, the outer ones first. */
  readonly parts: readonly ContextPart[];
  /** What a container gets, for each point: paths with the point's number, sorted, each once. */
  readonly points: readonly (readonly TreeEntry[])[];
}

/** Where the mounts of an image are on this machine. */
export interface MountSources {
  readonly mounts: readonly ResolvedMount[];
  readonly callSites: readonly (CallSite | undefined)[];
  /** The program's folder. */
  readonly folder: string;
}

/**
 * Lists the local files of an image's mounts, those of a mount in another one's folder in their place there.
 *
 * @throws SlipwayError LOCAL_PATH
 */
export async function listMounts(sources: MountSources, signal?: AbortSignal): Promise<MountFiles> {
  const parts: ContextPart[] = [];
  const merged: Map<string, TreeEntry>[] = [];
  for (const placed of placeMounts(sources.mounts)) {
    const { mount, index, point, folder } = placed;
    const { tree } = await listSource(mount, sources.folder, sources.callSites[index], { signal });
    const root = mount.kind === "copyDir" ? joinPath(sources.folder, mount.source) : undefined;
    const expected = sources.mounts[index]?.tree ?? "";
    parts.push({ folder, tree, expected, source: mount.source, root });
    const entries = (merged[point] ??= new Map([[String(point), { type: "dir", path: String(point) }]]));
    addTree(entries, placed, tree, sources.callSites[index]);
  }
  const points = merged.map((entries) => {
    const all = [...entries.values()];
    return all.sort(utf8Order(all, ({ path }) => path));
  });
  return { parts, points };
}

/** Puts a tree on top of what is there. */
function addTree(
  entries: Map<string, TreeEntry>,
  { mount, folder }: PlacedMount,
  tree: readonly TreeEntry[],
  callSite: CallSite | undefined,
): void {
  const add = (entry: TreeEntry): void => {
    const there = entries.get(entry.path);
    // A folder joins a folder, a file takes a file's place: anything else would be another image on some machine.
    if (there !== undefined && there.type !== entry.type) {
      throw new SlipwayError({
        code: "LOCAL_PATH",
        text: `${mount.source} at ${mount.destination}: ${entry.path} is a ${entry.type} here and a ${there.type} in another mount.`,
        hint: "Give one of them another path.",
        callSite,
      });
    }
    entries.set(entry.path, entry);
  };
  const names = folder.split("/");
  names.forEach((_, index) => add({ type: "dir", path: names.slice(0, index + 1).join("/") }));
  for (const entry of tree) add({ ...entry, path: `${folder}/${entry.path}` });
}
