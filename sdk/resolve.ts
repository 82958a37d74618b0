import type { CallSite } from "./call-site";
import type { Platform } from "./platform";
import { hashSource, type HashedSource } from "./sources";
import type { ImageSpec, ResolvedDockerfileBase, ResolvedMount, ResolvedSpec, ResolvedStep } from "./spec";
import { isSourceStep, type SourceStep } from "./step";
import type { SourceReport } from "./tree-report";

/** The trees of one program: a folder that several images copy is hashed once, and told of once. */
export class TreeHashes {
  readonly #hashes = new Map<string, Promise<HashedSource>>();
  readonly #folder: string;

  /** @param folder the program's folder, absolute. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  hash(step: SourceStep, callSite: CallSite | undefined, report: SourceReport): Promise<HashedSource> {
    const key = JSON.stringify(keyOf(step));
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = hashSource(step, this.#folder, callSite, report);
    this.#hashes.set(key, hash);
    return hash;
  }
}

function keyOf(step: SourceStep): readonly unknown[] {
  switch (step.kind) {
    case "copyDir":
      return [step.kind, step.source, step.ignore ?? [], step.include ?? []];
    case "copyFile":
      // A file's tree holds its name in the image.
      return [step.kind, step.source, step.destination.split("/").at(-1)];
    case "pipRequirements":
      return [step.kind, step.source];
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
