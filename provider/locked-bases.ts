import { addToLock, EMPTY_LOCK, type Lock, type LockedBase, type LockedConfig, type LockedPlatform } from "../sdk/lock";
import type { Platform } from "../sdk/platform";
import { formatReference, parseReference } from "../sdk/reference";
import { Bases } from "./base";
import type { Mirror } from "./mirrors";
import type { Registry } from "./registry";

/** The digests of a base, as far as a hash needs them. */
export interface PinnedBase {
  /** The digest of what its reference names, an index or a manifest. */
  readonly digest: string;
  /** The manifest's digest for each platform that was asked for. */
  readonly digests: ReadonlyMap<Platform, string>;
  /** Whether all of it comes from the lock. */
  readonly isLocked: boolean;
}

/** The bases of one program: as its lock says, and what that does not say as the registries do right now. */
export class LockedBases {
  readonly #live: Bases;
  readonly #lock: Lock | undefined;
  #resolved: Lock = EMPTY_LOCK;
  readonly #missing = new Set<string>();

  constructor(registry: Registry, mirrors: readonly Mirror[], lock: Lock | undefined) {
    this.#live = new Bases(registry, mirrors);
    this.#lock = lock;
  }

  /** What was asked for and is not in the lock, answered or not, for example `docker.io/library/python:3.11 for linux/amd64`; sorted. */
  get missing(): readonly string[] {
    return [...this.#missing].sort();
  }

  /** What registries answered: what a lock lacks. */
  get resolved(): Lock {
    return this.#resolved;
  }

  /**
   * @param platforms none where only what the reference names counts.
   * @throws SlipwayError BASE_UNAVAILABLE
   */
  async fetch(reference: string, platforms: readonly Platform[], signal?: AbortSignal): Promise<PinnedBase> {
    const version = this.#lock?.bases[reference]?.digest;
    const known = platforms.flatMap((platform): readonly (readonly [Platform, string])[] => {
      const entry = this.#find(reference, platform);
      return entry === undefined ? [] : [[platform, entry.digest]];
    });
    if (version !== undefined && known.length === platforms.length)
      return { digest: version, digests: new Map(known), isLocked: true };
    const missing = platforms.filter((platform) => this.#find(reference, platform) === undefined);
    for (const platform of missing) this.#missing.add(`${reference} for ${platform}`);
    if (missing.length === 0) this.#missing.add(reference);
    const { digest, digests } = await this.#live.fetch(this.#pin(reference), missing, signal);
    const entries = [...digests].map(([platform, own]): [string, LockedPlatform] => [platform, { digest: own }]);
    this.#note(reference, digest, Object.fromEntries(entries));
    return { digest, digests: new Map([...known, ...digests]), isLocked: false };
  }

  /**
   * What a base's config says for a platform.
   *
   * @throws SlipwayError BASE_UNAVAILABLE
   */
  async fetchConfig(reference: string, platform: Platform, signal?: AbortSignal): Promise<LockedConfig> {
    const locked = this.#find(reference, platform);
    if (locked?.config !== undefined) return locked.config;
    this.#missing.add(`${reference} for ${platform}`);
    const pinned = locked === undefined ? this.#pin(reference) : withDigest(reference, locked.digest);
    const config = await this.#live.fetchConfig(pinned, platform, signal);
    const { digest, digests } = await this.#live.fetch(pinned, [platform], signal); // Known by now.
    const version = this.#lock?.bases[reference]?.digest ?? digest;
    this.#note(reference, version, { [platform]: { digest: digests.get(platform) ?? "", config } });
    return config;
  }

  #find(reference: string, platform: Platform): LockedPlatform | undefined {
    return this.#lock?.bases[reference]?.platforms[platform];
  }

  /** A platform that is not locked yet is taken of the version that is locked for the others. */
  #pin(reference: string): string {
    const digest = this.#lock?.bases[reference]?.digest;
    return digest === undefined ? reference : withDigest(reference, digest);
  }

  #note(reference: string, digest: string, platforms: LockedBase["platforms"]): void {
    this.#resolved = addToLock(this.#resolved, { bases: { [reference]: { digest, platforms } } });
  }
}

function withDigest(reference: string, digest: string): string {
  return formatReference({ ...parseReference(reference), digest });
}
