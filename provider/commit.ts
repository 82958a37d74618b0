import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import type { Platform } from "../sdk/platform";
import { inheritLayers } from "./inherited-layers";
import { digestOf } from "./manifest";
import type { Manifest, Registry, RepositoryAddress } from "./registry";

/** The annotation of a manifest that says which spec it was built from. Not a label: images built on it inherit labels. */
const HASH_ANNOTATION = "io.slipway.hash";
/** BuildKit's own note on a layer that it rewrote; a prefix build lacks it, and one hash is to be one digest. */
const REWRITTEN = "buildkit/rewritten-timestamp";
const SETTLE_MAX_MS = 1_000;
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** An image in a repository. */
export interface StoredImage {
  readonly digest: string;
  /** What a node pulls when it has none of it: compressed layers and configs, in bytes. */
  readonly sizeBytes: number;
  /** Platform → digest of its manifest, where the image is an index. */
  readonly platformDigests?: Readonly<Record<string, string>>;
}

/** A build that was pushed by digest. */
export interface PushedBuild {
  readonly platform: Platform;
  readonly digest: string;
  /** The digest of the image that it was built FROM, where that is one of the repository. */
  readonly from?: string | undefined;
}

const descriptorSchema = v.looseObject({
  mediaType: v.string(),
  digest: v.string(),
  size: v.number(),
  annotations: v.optional(v.record(v.string(), v.string())),
});
const manifestSchema = v.looseObject({
  mediaType: v.string(),
  config: descriptorSchema,
  layers: v.array(descriptorSchema),
  annotations: v.optional(v.record(v.string(), v.string())),
});
const childSchema = v.looseObject({
  ...descriptorSchema.entries,
  platform: v.optional(v.object({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) })),
});
const storedSchema = v.looseObject({
  config: v.optional(descriptorSchema),
  layers: v.optional(v.array(descriptorSchema)),
  manifests: v.optional(v.array(childSchema)),
  annotations: v.optional(v.record(v.string(), v.string())),
});

/**
 * Puts the hash as a tag on builds that were pushed by digest: first every byte behind the tag is seen, then one
 * request puts it.
 *
 * @throws SlipwayError HASH_MISMATCH, REGISTRY_DENIED, REGISTRY_UNAVAILABLE, REGISTRY_ANSWER
 */
export async function commitImage(
  registry: Registry,
  repository: RepositoryAddress,
  hash: string,
  builds: readonly PushedBuild[],
  signal?: AbortSignal,
): Promise<StoredImage> {
  const children = await Promise.all(
    builds.map(async (build) => {
      const manifest = await annotate(registry, repository, build, hash, signal);
      return { platform: build.platform, manifest };
    }),
  );
  const [only] = children;
  const top = children.length === 1 && only !== undefined ? only.manifest : makeIndex(hash, children);
  if (children.length > 1) {
    for (const { manifest } of children) await registry.putManifest(repository, manifest.digest, manifest, signal);
  }
  return putTag({ registry, repository, hash, manifest: top, signal });
}

/** A tag that is to be put on what is stored already. */
export interface TagRequest {
  readonly registry: Registry;
  readonly repository: RepositoryAddress;
  readonly hash: string;
  readonly manifest: Manifest;
  readonly signal: AbortSignal | undefined;
}

/**
 * Puts a hash as a tag in one request, and tells what the tag names in the end: whoever finds that another one was
 * faster takes that image. Builds and copies both end here.
 *
 * @throws SlipwayError HASH_MISMATCH, and what the registry says
 */
export async function putTag({ registry, repository, hash, manifest, signal }: TagRequest): Promise<StoredImage> {
  const lookedMs = performance.now();
  const winner = await adoptImage(registry, repository, hash, signal);
  if (winner !== undefined) return winner;
  try {
    await registry.putManifest(repository, hash, manifest, signal);
    await settle(performance.now() - lookedMs, signal);
  } catch (error) {
    // An immutable tag that somebody else put meanwhile: theirs is taken below.
    if (!(error instanceof SlipwayError && error.code === "TAG_TAKEN")) throw error;
  }
  const stored = await adoptImage(registry, repository, hash, signal);
  if (stored !== undefined) return stored;
  throw new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${repository.host}/${repository.path}:${hash}: the registry took the tag and does not know it.`,
    hint: "Something deletes tags there; see its log.",
  });
}

/**
 * Where tags may move, whoever looked before our tag was there puts theirs over it, about as long after as we took
 * ourselves. Waiting twice that long before the last look lets both see the same.
 */
async function settle(tookMs: number, signal: AbortSignal | undefined): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  await sleep(Math.min(2 * tookMs, SETTLE_MAX_MS), undefined, options).catch(() => undefined);
}

/**
 * The image that a repository holds under a hash.
 *
 * @throws SlipwayError HASH_MISMATCH when it says that it was built from another spec
 */
export async function adoptImage(
  registry: Registry,
  repository: RepositoryAddress,
  hash: string,
  signal?: AbortSignal,
): Promise<StoredImage | undefined> {
  const manifest = await registry.fetchManifest(repository, hash, signal);
  if (manifest === undefined) return undefined;
  const stored = parse(storedSchema, manifest);
  const found = stored.annotations?.[HASH_ANNOTATION];
  if (found !== undefined && found !== hash) {
    throw new SlipwayError({
      code: "HASH_MISMATCH",
      text: `${repository.host}/${repository.path}:${hash}: this tag holds the image of another hash, ${found}.`,
      hint: "Somebody moved the tag. Delete it, and the image is built again.",
    });
  }
  const children = await Promise.all(
    (stored.manifests ?? []).map(async (child) => {
      const inner = await registry.fetchManifest(repository, child.digest, signal);
      return inner === undefined ? child.size : sizeOf(parse(storedSchema, inner));
    }),
  );
  const sizeBytes = children.reduce((sum, size) => sum + size, sizeOf(stored));
  const platformDigests = platformDigestsOf(stored);
  return { digest: manifest.digest, sizeBytes, ...(platformDigests === undefined ? {} : { platformDigests }) };
}

function platformDigestsOf({ manifests }: v.InferOutput<typeof storedSchema>): StoredImage["platformDigests"] {
  if (manifests === undefined) return undefined;
  const named = manifests.flatMap(({ platform, digest }): readonly (readonly [string, string])[] =>
    platform === undefined
      ? []
      : [[[platform.os, platform.architecture, platform.variant].filter(Boolean).join("/"), digest]],
  );
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sizeOf(stored: v.InferOutput<typeof storedSchema>): number {
  return [stored.config, ...(stored.layers ?? [])].reduce((sum, part) => sum + (part?.size ?? 0), 0);
}

/** The manifest of a build with our annotation and without BuildKit's, once all that it names is seen to be stored. */
async function annotate(
  registry: Registry,
  repository: RepositoryAddress,
  { platform, digest, from }: PushedBuild,
  hash: string,
  signal?: AbortSignal,
): Promise<Manifest> {
  const pushed = await registry.fetchManifest(repository, digest, signal);
  if (pushed === undefined) throw lost(repository, digest);
  const manifest = parse(manifestSchema, pushed);
  const build = { platform, from, config: manifest.config.digest, layers: manifest.layers };
  const inherited = await inheritLayers(registry, repository, build, signal);
  const own = manifest.layers.map((layer, index) => inherited[index] ?? layer);
  const blobs = [...new Set([manifest.config, ...own].map((part) => part.digest))];
  await Promise.all(
    blobs.map(async (blob) => {
      if (!(await registry.hasBlob(repository, blob, signal))) throw lost(repository, blob);
    }),
  );
  const layers = own.map(({ annotations = {}, ...layer }) => {
    const kept = Object.entries(annotations).filter(([name]) => name !== REWRITTEN);
    return kept.length === 0 ? layer : { ...layer, annotations: Object.fromEntries(kept) };
  });
  const annotations = { ...manifest.annotations, [HASH_ANNOTATION]: hash };
  return toManifest(manifest.mediaType, { ...manifest, layers, annotations });
}

function makeIndex(hash: string, children: readonly { platform: Platform; manifest: Manifest }[]): Manifest {
  const manifests = children
    .map(({ platform, manifest }) => {
      const [os, architecture, variant] = platform.split("/");
      return {
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
        platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
      };
    })
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const annotations = { [HASH_ANNOTATION]: hash };
  return toManifest(INDEX_TYPE, { schemaVersion: 2, mediaType: INDEX_TYPE, manifests, annotations });
}

function toManifest(mediaType: string, content: object): Manifest {
  const bytes = Buffer.from(JSON.stringify(content));
  return { digest: digestOf(bytes), mediaType, bytes };
}

function parse<T extends v.GenericSchema>(schema: T, manifest: Manifest): v.InferOutput<T> {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), manifest.bytes.toString("utf8"));
  if (parsed.success) return parsed.output;
  throw new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${manifest.digest}: this is not an image manifest.`,
    hint: "Something else was pushed under an image's name.",
  });
}

function lost(repository: RepositoryAddress, digest: string): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${repository.host}/${repository.path}: ${digest} was pushed and is not there, so no tag was put.`,
    hint: "Run it again; if it stays, something deletes what is pushed (garbage collection).",
  });
}
