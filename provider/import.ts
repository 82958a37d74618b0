import { describeCall } from "../sdk/arguments";
import type { CallSite } from "../sdk/call-site";
import { commandImages } from "../sdk/dockerfile-commands";
import { keyOf, listContext, type ImportFolders } from "../sdk/dockerfile-context";
import { planImport, type ConfigOf, type ImageConfig, type ImportPlan, type UsedImage } from "../sdk/dockerfile-plan";
import { findReads, type ContextRead } from "../sdk/dockerfile-reads";
import { escapeOf } from "../sdk/dockerfile-resolved";
import { inContext, inDockerfile } from "../sdk/dockerfile-stages";
import { SlipwayError } from "../sdk/error";
import { hashTree, joinPath } from "../sdk/files";
import type { HashCache } from "../sdk/hash-cache";
import type { Platform } from "../sdk/platform";
import type { DockerfileBase, ImageSpec, ResolvedDockerfileBase } from "../sdk/spec";
import type { Tree } from "../sdk/tree";
import { listWatched, watchBytes, type SourceReport } from "../sdk/tree-report";
import type { LockedBases } from "./locked-bases";

/** The digests of the images that something names, by key. */
export interface FetchedImages {
  readonly images: Readonly<Record<string, string>>;
  /** Whether all of them come from the lock. */
  readonly isLocked: boolean;
}

/** What registries say of an imported Dockerfile. */
export interface FetchedImport extends FetchedImages {
  readonly plan: ImportPlan;
  readonly configOf: ConfigOf;
}

/**
 * The images that `dockerfileCommands` of a spec name.
 *
 * @throws SlipwayError BASE_UNAVAILABLE, at the step's line
 */
export async function fetchStepImages(
  spec: ImageSpec,
  platform: Platform,
  bases: LockedBases,
  callSites: readonly (CallSite | undefined)[],
): Promise<FetchedImages> {
  const collector = new Collector(bases);
  for (const [index, step] of spec.steps.entries()) {
    if (step.kind !== "dockerfile") continue;
    for (const key of commandImages(step.commands, escapeOf(spec.base))) {
      await collector.add({ key, reference: key, platform }).catch((cause: unknown) => {
        throw withPlace(cause, "dockerfileCommands", callSites[index]);
      });
    }
  }
  return collector.found;
}

/**
 * Finds out which images a Dockerfile uses on a platform, their digests, and the configs of those that it starts from.
 *
 * @throws SlipwayError INVALID_DOCKERFILE, BASE_UNAVAILABLE
 */
export async function fetchImport(
  base: DockerfileBase,
  around: { readonly bases: LockedBases; readonly platform: Platform; readonly callSite: CallSite | undefined },
): Promise<FetchedImport> {
  const { bases, platform, callSite } = around;
  const configs = new Map<string, ImageConfig>();
  const configOf: ConfigOf = (key) => configs.get(key);
  const collector = new Collector(bases);
  const plan = (): ImportPlan => inDockerfile(base.source, callSite, () => planImport(base, platform, configOf));
  const fetch = async (now: ImportPlan, image: UsedImage): Promise<void> => {
    const uses = now.uses.filter((use) => use.image.key === image.key);
    try {
      await collector.add(image);
      // Only what a stage starts from brings its variables and triggers. What the builder's platform has is not known
      // here: the image's own stands for it.
      const isBase = uses.some(({ flag }) => flag === undefined);
      const own = image.platform === "builder" ? platform : image.platform;
      configs.set(image.key, isBase ? await bases.fetchConfig(image.reference, own) : { env: [], onbuild: [] });
    } catch (cause) {
      throw withPlace(cause, `${base.source}:${uses[0]?.instruction.line ?? 1}`, callSite);
    }
  };
  // A base's triggers may bring in further stages, whose bases may do so again.
  for (let now = plan(); ; now = plan()) {
    const current = now;
    const fresh = current.images.filter(({ key }) => !configs.has(key));
    if (fresh.length === 0) return { plan: current, configOf, ...collector.found };
    await Promise.all(fresh.map((image) => fetch(current, image)));
  }
}

/**
 * Hashes what a Dockerfile reads of its context.
 *
 * @throws SlipwayError INVALID_DOCKERFILE, LOCAL_PATH
 */
export async function readImport(
  base: DockerfileBase,
  { plan, configOf }: FetchedImport,
  contexts: ContextHashes,
  around: { readonly callSite: CallSite | undefined; readonly report: SourceReport },
): Promise<ResolvedDockerfileBase> {
  const reads = inDockerfile(base.source, around.callSite, () => findReads(plan, base, configOf));
  const triggers = plan.images
    .map(({ key }) => [key, configOf(key)?.onbuild ?? []] as const)
    .filter(([, onbuild]) => onbuild.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const onbuild = triggers.length === 0 ? {} : { onbuild: Object.fromEntries(triggers) };
  return { ...base, ...onbuild, reads, tree: await contexts.hash(base, reads, around) };
}

/** The contexts of one program: what several images or platforms read alike is hashed once, and told of once. */
export class ContextHashes {
  readonly #hashes = new Map<string, Promise<string>>();
  readonly #folder: string;
  readonly #cache: HashCache | undefined;

  /**
   * @param folder the program's folder, absolute.
   * @param cache what earlier runs found.
   */
  constructor(folder: string, cache: HashCache | undefined) {
    this.#folder = folder;
    this.#cache = cache;
  }

  hash(
    base: DockerfileBase,
    reads: readonly ContextRead[],
    { callSite, report }: { readonly callSite: CallSite | undefined; readonly report: SourceReport },
  ): Promise<string> {
    const key = JSON.stringify([base.source, base.context, ...new Set(reads.map(keyOf))]);
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = inContext(base.source, callSite, async () => {
      const tree = await listImport(base, reads, this.#folder, report);
      const watch = watchBytes(report, `${describeImport(base)}: hashed`, tree);
      return hashTree(tree, watch, this.#cache?.of(JSON.stringify([this.#folder, key])));
    });
    this.#hashes.set(key, hash);
    return hash;
  }
}

/**
 * Lists what an import reads.
 *
 * @param folder the program's folder, absolute.
 * @throws DockerfileProblem, SlipwayError LOCAL_PATH
 */
export function listImport(
  base: DockerfileBase,
  reads: readonly ContextRead[],
  folder: string,
  report: SourceReport,
): Promise<Tree> {
  const advice = "leave out what the image does not need: a .dockerignore in the context";
  return listWatched(report, { what: describeImport(base), advice }, (watch) =>
    listContext(reads, importFolders(base, folder), watch),
  );
}

/** How messages name an import. */
export function describeImport(base: DockerfileBase): string {
  return describeCall("fromDockerfile", base.source, true);
}

/** Where an import's files are, absolute. */
export function importFolders(base: DockerfileBase, folder: string): ImportFolders {
  return { dockerfile: joinPath(folder, base.source), context: joinPath(folder, base.context) };
}

/** Asks for images, and keeps their digests. */
class Collector {
  readonly #bases: LockedBases;
  readonly #digests = new Map<string, string>();
  #isLocked = true;

  constructor(bases: LockedBases) {
    this.#bases = bases;
  }

  async add({ key, reference, platform }: UsedImage): Promise<void> {
    const { digest, digests, isLocked } = await this.#bases.fetch(reference, platform === "builder" ? [] : [platform]);
    this.#digests.set(key, platform === "builder" ? digest : (digests.get(platform) ?? ""));
    this.#isLocked = this.#isLocked && isLocked;
  }

  get found(): FetchedImages {
    const sorted = [...this.#digests].sort(([a], [b]) => (a < b ? -1 : 1));
    return { images: Object.fromEntries(sorted), isLocked: this.#isLocked };
  }
}

function withPlace(cause: unknown, place: string, callSite: CallSite | undefined): unknown {
  if (!(cause instanceof SlipwayError)) return cause;
  const { code, text, hint = "" } = cause;
  const more =
    code === "BASE_UNAVAILABLE" ? " A named context (--build-context) is not known here: name an image." : "";
  return new SlipwayError({ code, text: `${place}: ${text}`, hint: `${hint}${more}`, callSite });
}
