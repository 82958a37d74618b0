import pLimit from "p-limit";
import type { CallSite } from "../sdk/call-site";
import { SlipwayError } from "../sdk/error";
import { hashImage, hashMounts } from "../sdk/hash";
import type { Lock } from "../sdk/lock";
import type { Platform } from "../sdk/platform";
import { parseRepository } from "../sdk/reference";
import { resolveMounts, resolveSpec, resolveSteps, TreeHashes } from "../sdk/resolve";
import type { SourceReport } from "../sdk/sources";
import { FORMAT, type ImageSpec, type ResolvedMount, type ResolvedSpec, type ResolvedStep } from "../sdk/spec";
import { lookUp, type Existence } from "./existence";
import { LockedBases, type PinnedBase } from "./locked-bases";
import type { Mirror } from "./mirrors";
import type { Registry } from "./registry";

/** Requests for existence that are under way at once. */
const LOOKUPS_AT_ONCE = 16;

/** An image with its hash. */
export interface ResolvedImage {
  readonly format: typeof FORMAT;
  readonly base: { readonly reference: string; readonly digests: Readonly<Record<string, string>> };
  /** Whether the hash was computed of what the lock pins alone. */
  readonly isLocked: boolean;
  readonly steps: readonly ResolvedStep[];
  readonly specs: readonly ResolvedSpec[];
  readonly hash: string;
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
  readonly #limit = pLimit(LOOKUPS_AT_ONCE);
  readonly #lookups = new Map<string, Promise<Existence>>();

  constructor(options: {
    readonly folder: string;
    readonly registry: Registry;
    readonly mirrors: readonly Mirror[];
    readonly lock?: Lock | undefined;
  }) {
    this.folder = options.folder;
    this.bases = new LockedBases(options.registry, options.mirrors, options.lock);
    this.#trees = new TreeHashes(options.folder);
  }

  /**
   * Turns references into digests and local files into tree hashes; what its files give to tell is told once.
   *
   * @throws SlipwayError BASE_UNAVAILABLE, LOCAL_PATH
   */
  async resolve(image: PlainImage, platforms: readonly Platform[], report: SourceReport = {}): Promise<ResolvedImage> {
    if (image.spec.format !== FORMAT) {
      throw new SlipwayError({
        code: "INVALID_ARGUMENT",
        text: `this Image has the format ${String(image.spec.format)}, and here is Slipway for ${FORMAT}.`,
        hint: "Two versions of Slipway are installed; let the program use one.",
      });
    }
    const [base, steps] = await Promise.all([
      this.fetchBases(image, platforms),
      resolveSteps(image.spec, image.callSites, this.#trees, report),
    ]);
    const specs = platforms.map((platform) =>
      resolveSpec(image.spec, steps, { platform, digest: base.digests.get(platform) ?? "" }),
    );
    return {
      format: image.spec.format,
      base: { reference: image.spec.base, digests: Object.fromEntries(base.digests) },
      isLocked: base.isLocked,
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
   * @throws SlipwayError BASE_UNAVAILABLE
   */
  fetchBases(image: PlainImage, platforms: readonly Platform[]): Promise<PinnedBase> {
    return this.bases.fetch(image.spec.base, platforms);
  }

  /** Whether a repository has a hash. */
  exists(registry: Registry, repository: string, hash: string): Promise<Existence> {
    const key = `${repository}:${hash}`;
    const known = this.#lookups.get(key);
    if (known !== undefined) return known;
    const lookup = this.#limit(() => lookUp(registry, parseRepository(repository), hash));
    this.#lookups.set(key, lookup);
    return lookup;
  }
}
