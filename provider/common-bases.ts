import { Image } from "../sdk/image";

/**
 * References of bases that many images start from, for a pool that keeps them warm.
 *
 * @example
 * ```ts
 * new WarmPool("bases", {
 *   images: [...commonBases.python("3.11", "3.12"), ...commonBases.nvidia("pytorch:24.01-py3")],
 *   nodeGroups: { all: { labels: { "kubernetes.io/os": "linux" } } },
 *   repository: "localhost:5000/images",
 * });
 * ```
 */
export const commonBases = Object.freeze({
  /**
   * What `Image.debianSlim(version)` starts from.
   *
   * @throws SlipwayError INVALID_ARGUMENT
   */
  python: (...versions: readonly string[]): readonly string[] =>
    versions.map((version) => referenceOf(Image.debianSlim(version))),
  /** Images of nvcr.io/nvidia, by name and tag. */
  nvidia: (...names: readonly string[]): readonly string[] =>
    names.map((name) => referenceOf(Image.base(`nvcr.io/nvidia/${name}`))),
});

function referenceOf({ spec: { base } }: Image): string {
  if (typeof base === "string") return base;
  throw new Error("An imported Dockerfile is no reference");
}
