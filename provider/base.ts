import * as v from "valibot";
import { describeError, SlipwayError } from "../sdk/error";
import type { Platform } from "../sdk/platform";
import { formatReference, parseReference } from "../sdk/reference";
import { placesOf, type Mirror } from "./mirrors";
import type { Manifest, Registry, RepositoryAddress } from "./registry";

/** A base image as it is right now. */
export interface Base {
  /** Where it was found: its registry, or a mirror of it. */
  readonly place: RepositoryAddress;
  /** The digest of what its reference names, an index or a manifest. */
  readonly digest: string;
  /** The digest of the manifest for each platform that was asked for. */
  readonly digests: ReadonlyMap<Platform, string>;
}

/** What of an image's config an imported Dockerfile that starts FROM it depends on, besides its layers. */
export interface BaseConfig {
  /** `NAME=value`, in the config's order. */
  readonly env: readonly string[];
  /** Triggers: instructions that run first in a stage FROM it. */
  readonly onbuild: readonly string[];
}

const manifestSchema = v.object({ config: v.object({ digest: v.string() }) });

const configSchema = v.object({
  config: v.nullish(v.object({ Env: v.nullish(v.array(v.string())), OnBuild: v.nullish(v.array(v.string())) })),
});

const indexSchema = v.object({
  manifests: v.array(
    v.object({
      digest: v.string(),
      platform: v.optional(v.object({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) })),
    }),
  ),
});

/** The bases of one program: each distinct reference is asked for once. */
export class Bases {
  readonly #registry: Registry;
  readonly #mirrors: readonly Mirror[];
  readonly #found = new Map<string, Promise<{ place: RepositoryAddress; manifest: Manifest }>>();
  readonly #configs = new Map<string, Promise<BaseConfig>>();

  constructor(registry: Registry, mirrors: readonly Mirror[]) {
    this.#registry = registry;
    this.#mirrors = mirrors;
  }

  /**
   * The manifest digests of a base, from the first place that has it. An index is answered from its own text; a single
   * manifest is taken for every platform, as FROM does.
   *
   * @throws SlipwayError BASE_UNAVAILABLE
   */
  async fetch(reference: string, platforms: readonly Platform[], signal?: AbortSignal): Promise<Base> {
    const known = this.#found.get(reference) ?? this.#ask(reference, signal);
    this.#found.set(reference, known);
    const { place, manifest } = await known;
    return {
      place,
      digest: manifest.digest,
      digests: new Map(platforms.map((platform) => [platform, digestFor(reference, manifest, platform)])),
    };
  }

  /**
   * What a base's config says for a platform: at most three requests, and none twice in a program.
   *
   * @throws SlipwayError BASE_UNAVAILABLE
   */
  fetchConfig(reference: string, platform: Platform, signal?: AbortSignal): Promise<BaseConfig> {
    const key = `${platform} ${reference}`;
    const config = this.#configs.get(key) ?? this.#askConfig(reference, platform, signal);
    this.#configs.set(key, config);
    return config;
  }

  async #askConfig(reference: string, platform: Platform, signal?: AbortSignal): Promise<BaseConfig> {
    const { place, digests } = await this.fetch(reference, [platform], signal);
    const digest = digests.get(platform) ?? "";
    const found = await this.#found.get(reference);
    const manifest =
      found?.manifest.digest === digest ? found.manifest : await this.#registry.fetchManifest(place, digest, signal);
    const { config } = read(manifestSchema, reference, "manifest", manifest?.bytes);
    const blob = await this.#registry.fetchBlob(place, config.digest, signal);
    const parsed = read(configSchema, reference, "config", blob).config;
    return { env: parsed?.Env ?? [], onbuild: parsed?.OnBuild ?? [] };
  }

  async #ask(reference: string, signal?: AbortSignal): Promise<{ place: RepositoryAddress; manifest: Manifest }> {
    const parsed = parseReference(reference);
    const failures: string[] = [];
    for (const place of placesOf(parsed, this.#mirrors)) {
      try {
        const manifest = await this.#registry.fetchManifest(place, parsed.digest ?? parsed.tag ?? "latest", signal);
        if (manifest !== undefined) return { place, manifest };
        failures.push(`${formatReference({ ...parsed, ...place })} does not exist`);
      } catch (error) {
        signal?.throwIfAborted();
        failures.push(describeError(error));
      }
    }
    throw foundNowhere(reference, failures);
  }
}

/**
 * Where a base can be pulled by its digest right now: the first mirror that has it, else its registry. A hash needs no
 * place, so only a build asks, and only where there are mirrors.
 *
 * @throws SlipwayError BASE_UNAVAILABLE
 */
export async function findPlace(
  registry: Registry,
  mirrors: readonly Mirror[],
  base: { readonly reference: string; readonly digest: string },
  signal?: AbortSignal,
): Promise<RepositoryAddress> {
  const { host, path } = parseReference(base.reference);
  const places = placesOf({ host, path }, mirrors);
  if (places.length === 1) return { host, path };
  const failures: string[] = [];
  for (const place of places) {
    try {
      if ((await registry.findDigest(place, base.digest, signal)) !== undefined) return place;
      failures.push(`${formatReference({ ...place, digest: base.digest })} does not exist`);
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(describeError(error));
    }
  }
  throw foundNowhere(base.reference, failures);
}

function foundNowhere(reference: string, failures: readonly string[]): SlipwayError {
  return new SlipwayError({
    code: "BASE_UNAVAILABLE",
    text: `base ${reference}: it was found nowhere.\n${failures.map((failure) => `  - ${failure}`).join("\n")}\n`,
    hint: "Check its name, log in where it lives, or name a mirror in SLIPWAY_MIRRORS (docker.io=<host>).",
  });
}

/** What a registry keeps of a base, as JSON of the form that it must have. */
function read<S extends v.GenericSchema>(
  schema: S,
  reference: string,
  what: "index" | "manifest" | "config",
  bytes: Buffer | undefined,
): v.InferOutput<S> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), bytes?.toString("utf8"));
  if (parsed.success) return parsed.output;
  const found = bytes === undefined ? "is missing" : `is none: ${parsed.issues[0].message}`;
  throw new SlipwayError({
    code: "BASE_UNAVAILABLE",
    text: `base ${reference}: the registry's ${what} ${found}.`,
    hint: "Push the base again.",
  });
}

function digestFor(reference: string, manifest: Manifest, platform: Platform): string {
  if (!isIndex(manifest)) return manifest.digest;
  const { manifests } = read(indexSchema, reference, "index", manifest.bytes);
  const found = manifests.find((entry) => entry.platform !== undefined && matches(entry.platform, platform));
  if (found !== undefined) return found.digest;
  const names = manifests.flatMap(({ platform: own }) =>
    own === undefined || own.os === "unknown"
      ? []
      : [[own.os, own.architecture, own.variant].filter(Boolean).join("/")],
  );
  throw new SlipwayError({
    code: "BASE_UNAVAILABLE",
    text: `base ${reference}: it has no image for ${platform}.`,
    hint: `It has ${[...new Set(names)].sort().join(", ")}.`,
  });
}

function isIndex(manifest: Manifest): boolean {
  return /(image\.index|manifest\.list)/.test(manifest.mediaType);
}

/** `linux/arm64` is `linux/arm64/v8` to some builders (containerd/platforms, normalizeArch). */
function matches(own: { os: string; architecture: string; variant?: string | undefined }, platform: Platform): boolean {
  const [os, architecture, variant = ""] = platform.split("/");
  const ownVariant = own.architecture === "arm64" && own.variant === "v8" ? "" : (own.variant ?? "");
  return own.os === os && own.architecture === architecture && ownVariant === variant;
}
