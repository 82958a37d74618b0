import pLimit from "p-limit";
import type { CallSite } from "../sdk/call-site";
import { SlipwayError } from "../sdk/error";
import { hashImage, hashMounts } from "../sdk/hash";
import type { HashCache } from "../sdk/hash-cache";
import type { Lock } from "../sdk/lock";
import type { Platform } from "../sdk/platform";
import { resolveMounts, resolveSpec, resolveSteps, TreeHashes, type Found } from "../sdk/resolve";
import type { SourceReport } from "../sdk/tree-report";
import { FORMAT, type ImageSpec, type ResolvedMount, type ResolvedSpec, type ResolvedStep } from "../sdk/spec";
import { formatAddress } from "./ecr-address";
import { lookUp, type Ask, type Existence } from "./existence";
import { ContextHashes, fetchImport, fetchStepImages, readImport, type FetchedImport } from "./import";
import { LockedBases } from "./locked-bases";
import type { Mirror } from "./mirrors";
import type { Places } from "./place";
import type { PrefixPlan } from "./prefix";
import { PrefixPlans } from "./prefix-plans";
import type { Registry } from "./registry";
import { storeBase, type StoredBase } from "./stored-base";

/** Requests for existence that are under way at once. */
const LOOKUPS_AT_ONCE = 16;

/** An image with its hash. */
export interface ResolvedImage {
  readonly format: typeof FORMAT;
  readonly base: StoredBase;
  /** For each platform, the digests of the other images that are named, by key; left out where there are none. */
  readonly images?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether the hash was computed of what the lock pins alone. */
  readonly isLocked: boolean;
  readonly steps: readonly ResolvedStep[];
  readonly specs: readonly ResolvedSpec[];
  readonly hash: string;
}

/** What registries say of an image's base, and of the other images that it names. */
export interface FetchedBases {
  readonly platforms: readonly FetchedPlatform[];
  /** Whether all of it comes from the lock. */
  readonly isLocked: boolean;
}

interface FetchedPlatform {
  readonly platform: Platform;
  /** The base's. */
  readonly digest?: string;
  readonly import?: FetchedImport;
  /** The others' digests, by key. */
  readonly images: Readonly<Record<string, string>>;
}

/** What an image's containers get when they start. */
export interface ResolvedMounts {
  readonly mounts: readonly ResolvedMount[];
  readonly hash: string;
}

/** An Image as it comes out of `pulumi.output`, too. */
export interface PlainImage {
  readonly spec: ImageSpec;
  readonly callSites: readonly (CallSite | undefined)[];
  readonly mountCallSites: readonly (CallSite | undefined)[];
  readonly baseCallSite?: CallSite | undefined;
}

/**
 * All images of one program, or of one call of the CLI: each base is asked for once, each folder hashed once, each
 * hash looked up once.
 */
export class ImageProgram {
  readonly folder: string;
  /** The bases of its images, from the lock where that has them. */
  readonly bases: LockedBases;
  readonly #trees: TreeHashes;
  readonly #contexts: ContextHashes;
  readonly #limit = pLimit(LOOKUPS_AT_ONCE);
  readonly #lookups = new Map<string, Promise<Existence>>();
  readonly #prefixes = new Map<string, Promise<string | undefined>>();
  readonly #plans: PrefixPlans;

  constructor(options: {
    readonly folder: string;
    readonly registry: Registry;
    readonly mirrors: readonly Mirror[];
    readonly lock?: Lock | undefined;
    /** Of several programs whose images are built together. Default: its own. */
    readonly plans?: PrefixPlans;
    readonly hashCache?: HashCache | undefined;
  }) {
    this.folder = options.folder;
    this.#plans = options.plans ?? new PrefixPlans();
    this.bases = new LockedBases(options.registry, options.mirrors, options.lock);
    this.#trees = new TreeHashes(options.folder, options.hashCache);
    this.#contexts = new ContextHashes(options.folder, options.hashCache);
  }

  /**
   * Turns references into digests and local files into tree hashes; what its files give to tell is told once.
   *
   * @throws SlipwayError BASE_UNAVAILABLE, LOCAL_PATH
   */
  resolve(image: PlainImage, platforms: readonly Platform[], report: SourceReport = {}): Promise<ResolvedImage> {
    return this.#plans.watch(this.#resolve(image, platforms, report));
  }

  async #resolve(image: PlainImage, platforms: readonly Platform[], report: SourceReport): Promise<ResolvedImage> {
    if (image.spec.format !== FORMAT) {
      throw new SlipwayError({
        code: "INVALID_ARGUMENT",
        text: `this Image has the format ${String(image.spec.format)}, and here is Slipway for ${FORMAT}.`,
        hint: "Two versions of Slipway are installed; let the program use one.",
      });
    }
    const [{ isLocked, platforms: found }, steps] = await Promise.all([
      this.fetchBases(image, platforms),
      resolveSteps(image.spec, image.callSites, this.#trees, report),
    ]);
    const { base, all } = await this.#completeBase(image, found, report);
    const specs = all.map((one) => resolveSpec(image.spec, steps, one));
    const images = Object.fromEntries(specs.flatMap((spec) => (spec.images ? [[spec.platform, spec.images]] : [])));
    return {
      format: image.spec.format,
      base,
      ...(Object.keys(images).length === 0 ? {} : { images }),
      isLocked,
      steps,
      specs,
      hash: hashImage(specs),
    };
  }

  /**
   * Turns the files of an image's mounts into tree hashes.
   *
   * @throws SlipwayError LOCAL_PATH
   */
  async resolveMounts(image: PlainImage, report: SourceReport = {}): Promise<ResolvedMounts> {
    const mounts = await resolveMounts(image.spec, image.mountCallSites, this.#trees, report);
    return { mounts, hash: hashMounts(mounts) };
  }

  /**
   * All that the hash of an image needs of registries.
   *
   * @throws SlipwayError BASE_UNAVAILABLE, INVALID_DOCKERFILE
   */
  async fetchBases(image: PlainImage, platforms: readonly Platform[]): Promise<FetchedBases> {
    const { base } = image.spec;
    const found = await Promise.all(
      platforms.map(async (platform) => {
        const around = { bases: this.bases, platform, callSite: image.baseCallSite };
        const [own, ofSteps] = await Promise.all([
          typeof base === "string" ? this.bases.fetch(base, [platform]) : fetchImport(base, around),
          fetchStepImages(image.spec, platform, this.bases, image.callSites),
        ]);
        const isLocked = own.isLocked && ofSteps.isLocked;
        if ("plan" in own) return { platform, import: own, images: { ...own.images, ...ofSteps.images }, isLocked };
        return { platform, digest: own.digests.get(platform) ?? "", images: ofSteps.images, isLocked };
      }),
    );
    return { platforms: found, isLocked: found.every(({ isLocked }) => isLocked) };
  }

  /** The base as state keeps it, and as each platform's spec has it: of a Dockerfile with what it reads. */
  async #completeBase(
    image: PlainImage,
    found: readonly FetchedPlatform[],
    report: SourceReport,
  ): Promise<{ readonly base: StoredBase; readonly all: readonly Found[] }> {
    const { base } = image.spec;
    if (typeof base === "string") {
      const all = found.map(({ platform, digest = "", images }) => ({ platform, digest, images }));
      const digests = Object.fromEntries(all.map(({ platform, digest }) => [platform, digest]));
      return { base: { reference: base, digests }, all };
    }
    const around = { callSite: image.baseCallSite, report };
    const all = await Promise.all(
      found.flatMap(({ platform, import: fetched, images }) =>
        fetched === undefined
          ? []
          : [
              readImport(base, fetched, this.#contexts, around).then((dockerfile) => ({
                platform,
                dockerfile,
                images,
              })),
            ],
      ),
    );
    return { base: storeBase(base, all), all };
  }

  /** Which first steps of an image that has to be built are images of their own, and which of them are stored. */
  planPrefixes(places: Places, specs: readonly ResolvedSpec[]): Promise<PrefixPlan> {
    const { home } = places;
    const place = formatAddress(home.address);
    const find = (hash: string): Promise<string | undefined> => {
      const key = `${place}:${hash}`;
      const found = this.#prefixes.get(key) ?? this.#ask(home, hash);
      this.#prefixes.set(key, found);
      return found;
    };
    return this.#plans.plan({ specs, place, find });
  }

  readonly #ask: Ask = ({ registry, address }, reference, signal) => {
    const find = () => registry.findDigest(address, reference, signal);
    return registry.isBatched === true ? find() : this.#limit(find);
  };

  /** Whether a repository has a hash. */
  exists(places: Places, hash: string): Promise<Existence> {
    const { home, copies, sources } = places;
    const key = `${[home, ...copies, ...sources].map(({ address }) => formatAddress(address)).join()}:${hash}`;
    const known = this.#lookups.get(key);
    if (known !== undefined) return known;
    const lookup = this.#plans.watch(lookUp(places, hash, { ask: this.#ask }));
    this.#lookups.set(key, lookup);
    return lookup;
  }
}
