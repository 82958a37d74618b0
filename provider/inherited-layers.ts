import * as v from "valibot";
import type { Platform } from "../sdk/platform";
import type { Registry, RepositoryAddress } from "./registry";

const layerSchema = v.looseObject({
  mediaType: v.string(),
  digest: v.string(),
  size: v.number(),
  annotations: v.optional(v.record(v.string(), v.string())),
});
/** A layer as a manifest names it. */
export type Layer = v.InferOutput<typeof layerSchema>;

const manifestSchema = v.object({
  config: v.optional(v.object({ digest: v.string() })),
  layers: v.optional(v.array(layerSchema)),
  manifests: v.optional(
    v.array(
      v.object({
        digest: v.string(),
        platform: v.object({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) }),
      }),
    ),
  ),
});
const configSchema = v.object({ rootfs: v.object({ diff_ids: v.array(v.string()) }) });

/** What was built on an image of the same repository: a stored prefix, or the base. */
export interface BasedBuild {
  readonly platform: Platform;
  /** The digest of that image. */
  readonly from: string | undefined;
  /** The digest of the build's config. */
  readonly config: string;
  readonly layers: readonly Layer[];
}

/**
 * The layers of a build as what it was built on names them, as many as that has. A builder that knows the
 * same files in another compression, of an earlier build, would name those, and one hash would have a digest for each
 * builder's past.
 */
export async function inheritLayers(
  registry: Registry,
  repository: RepositoryAddress,
  { platform, from, config, layers }: BasedBuild,
  signal?: AbortSignal,
): Promise<readonly Layer[]> {
  if (from === undefined) return [];
  const read = async (digest: string) =>
    parse(manifestSchema, (await registry.fetchManifest(repository, digest, signal))?.bytes);
  const top = await read(from);
  const child = top?.manifests?.find(({ platform: own }) => nameOf(own) === platform);
  const below = child === undefined ? top : await read(child.digest);
  const inherited = below?.layers ?? [];
  if (inherited.every(({ digest }, index) => digest === layers[index]?.digest)) return inherited;
  const diffIds = async (digest = ""): Promise<readonly string[]> =>
    parse(configSchema, await registry.fetchBlob(repository, digest, signal))?.rootfs.diff_ids ?? [];
  const [before, after] = await Promise.all([diffIds(below?.config?.digest), diffIds(config)]);
  const isSame = before.length === inherited.length && before.every((id, index) => id === after[index]);
  return isSame ? inherited : [];
}

function nameOf({ os, architecture, variant }: { os: string; architecture: string; variant?: string | undefined }) {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

function parse<S extends v.GenericSchema>(schema: S, bytes: Buffer | undefined): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), bytes?.toString("utf8"));
  return parsed.success ? parsed.output : undefined;
}
