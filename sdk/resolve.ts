import type { CallSite } from "./call-site";
import type { HashCache } from "./hash-cache";
import type { Platform } from "./platform";
import { hashSource, sourceKey, type HashedSource } from "./sources";
import type { ImageSpec, ResolvedDockerfileBase, ResolvedMount, ResolvedSpec, ResolvedStep } from "./spec";
import { isSourceStep, type SourceStep } from "./step";
import type { SourceReport } from "./tree-report";

/** The trees of one program: a folder that several images copy is hashed once, and told of once. */
export class TreeHashes {
  readonly #hashes = new Map<string, Promise<HashedSource>>();
  readonly #folder: string;
  readonly #cache: HashCache | undefined;

  /**
   * @param folder the program's folder, absolute.
   * @param cache what earlier runs found.
   */
  constructor(folder: string, cache?: HashCache) {
    this.#folder = folder;
    this.#cache = cache;
  }

  hash(step: SourceStep, callSite: CallSite | undefined, report: SourceReport): Promise<HashedSource> {
    const key = JSON.stringify(sourceKey(step));
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = hashSource(step, this.#folder, callSite, report, this.#cache);
    this.#hashes.set(key, hash);
    return hash;
  }
}

/** Replaces the local files of a spec's steps by their tree hashes. */
export async function resolveSteps(
  spec: ImageSpec,
  callSites: readonly (CallSite | undefined)[],
  trees: TreeHashes,
  report: SourceReport = {},
): Promise<readonly ResolvedStep[]> {
  return Promise.all(
    spec.steps.map(async (step, index): Promise<ResolvedStep> => {
      if (!isSourceStep(step)) return step;
      const { tree, entry } = await trees.hash(step, callSites[index], report);
      return step.kind === "pipRequirements" ? { ...step, tree, entry: entry ?? "" } : { ...step, tree };
    }),
  );
}

/** Replaces the local files of a spec's mounts by their tree hashes. */
export async function resolveMounts(
  spec: ImageSpec,
  callSites: readonly (CallSite | undefined)[],
  trees: TreeHashes,
  report: SourceReport = {},
): Promise<readonly ResolvedMount[]> {
  return Promise.all(
    spec.mounts.map(async (mount, index) => ({
      ...mount,
      tree: (await trees.hash(mount, callSites[index], report)).tree,
    })),
  );
}

/** What a spec's base and the other images are on a platform. */
export type Found = {
  readonly platform: Platform;
  readonly images?: Readonly<Record<string, string>>;
} & ({ readonly digest: string } | { readonly dockerfile: ResolvedDockerfileBase });

/** A spec for one platform, of steps that are resolved. */
export function resolveSpec(spec: ImageSpec, steps: readonly ResolvedStep[], found: Found): ResolvedSpec {
  const { platform, images = {} } = found;
  const reference = typeof spec.base === "string" ? spec.base : "";
  const base = "dockerfile" in found ? found.dockerfile : { reference, digest: found.digest };
  const own = Object.keys(images).length === 0 ? {} : { images };
  return { format: spec.format, platform, base, ...own, steps };
}
