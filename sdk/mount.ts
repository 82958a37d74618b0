import { fail, type Call } from "./arguments";
import type { Mount } from "./step";

/** Where a container gets files. */
export interface MountPoint {
  /** In the container, absolute. */
  readonly path: string;
  readonly kind: "file" | "dir";
}

/** A mount and where its files are in the tree that holds all of them: those of the first point below `0`, and so on. */
export interface PlacedMount {
  readonly mount: Mount;
  /** Its place in the spec. */
  readonly index: number;
  readonly point: number;
  /** The folder of its tree, for example `0` or `1/static`. */
  readonly folder: string;
}

/** The outermost destinations, ordered: what lies in the folder of another mount comes with that one. */
export function mountPoints(mounts: readonly Mount[]): readonly MountPoint[] {
  return mounts
    .filter(({ destination }) => !mounts.some((other) => isBelow(destination, other.destination)))
    .map(({ kind, destination }): MountPoint => ({ path: destination, kind: kind === "copyFile" ? "file" : "dir" }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** All mounts, the outer ones first: what is further in lies on top. */
export function placeMounts(mounts: readonly Mount[]): readonly PlacedMount[] {
  const points = mountPoints(mounts);
  const placed = mounts.map((mount, index): PlacedMount => {
    const { destination } = mount;
    const point = points.findIndex(({ path }) => path === destination || isBelow(destination, path));
    const inner = destination.slice(points[point]?.path.length ?? 0);
    // A file's tree holds its name.
    const folder = mount.kind === "copyFile" ? inner.slice(0, Math.max(0, inner.lastIndexOf("/"))) : inner;
    return { mount, index, point, folder: `${point}${folder}` };
  });
  return placed.sort((a, b) => (a.mount.destination < b.mount.destination ? -1 : 1));
}

/**
 * Refuses a mount that no container can have beside the others.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function checkMount(call: Call, mounts: readonly Mount[], { kind, destination }: Mount): void {
  const copy = 'Or put one of them into the image: { strategy: "copy" }.';
  if (destination === "/") {
    throw fail(call, "a mount at / would hide the whole image.", 'Give a folder of its own, or { strategy: "copy" }.');
  }
  if (destination.includes(":")) {
    throw fail(call, "Kubernetes mounts nothing at a path with a colon.", 'Give another, or { strategy: "copy" }.');
  }
  if (mounts.some((other) => other.destination === destination)) {
    throw fail(call, `another mount is at ${destination} already.`, `Give one of them another path. ${copy}`);
  }
  const file = mounts.find((other) => other.kind === "copyFile" && isBelow(destination, other.destination));
  const below = kind === "copyFile" ? mounts.find((other) => isBelow(other.destination, destination)) : undefined;
  if (file === undefined && below === undefined) return;
  const [outer, inner] = file === undefined ? [destination, below?.destination] : [file.destination, destination];
  throw fail(call, `${outer} is a file, and ${inner} would lie in it.`, `Give one of them another path. ${copy}`);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** The line that keeps a user from looking for files in an image that are not there; `undefined` without mounts. */
export function describeLeftOut(mountCount: number): string | undefined {
  if (mountCount === 0) return undefined;
  const [noun, verb] = mountCount === 1 ? ["mount", "is"] : ["mounts", "are"];
  return `${mountCount} ${noun} ${verb} not in the image; use Sandbox, Mounts or strategy copy`;
}
