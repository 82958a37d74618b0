import * as v from "valibot";
import type { Platform } from "../sdk/platform";
import { isSecret, type Secret } from "../sdk/secret";
import type { DockerfileBase, ResolvedBase, ResolvedDockerfileBase } from "../sdk/spec";

/** A base as state keeps it: what is of a platform beside what is of all. */
export type StoredBase =
  | { readonly reference: string; readonly digests: Readonly<Record<string, string>> }
  | (DockerfileBase & { readonly platforms: Readonly<Record<string, Own>> });

/** What of a Dockerfile is of one platform. */
type Own = Omit<ResolvedDockerfileBase, keyof DockerfileBase>;

const readSchema = v.object({
  path: v.string(),
  below: v.optional(v.string()),
  exclude: v.optional(v.array(v.string())),
  isExact: v.optional(v.literal(true)),
  line: v.number(),
});

export const storedBaseSchema = v.union([
  v.object({ reference: v.string(), digests: v.record(v.string(), v.string()) }),
  v.object({
    kind: v.literal("dockerfile"),
    source: v.string(),
    context: v.string(),
    text: v.string(),
    target: v.exactOptional(v.string()),
    buildArgs: v.record(v.string(), v.string()),
    secrets: v.exactOptional(v.array(v.custom<Secret>(isSecret))),
    platforms: v.record(
      v.string(),
      v.object({
        onbuild: v.exactOptional(v.record(v.string(), v.array(v.string()))),
        reads: v.array(readSchema),
        tree: v.string(),
      }),
    ),
  }),
]);

export function storeBase(
  base: DockerfileBase,
  found: readonly { readonly platform: Platform; readonly dockerfile: ResolvedDockerfileBase }[],
): StoredBase {
  const platforms = found.map(({ platform, dockerfile: { onbuild, reads, tree } }): [Platform, Own] => [
    platform,
    { ...(onbuild === undefined ? {} : { onbuild }), reads, tree },
  ]);
  return { ...base, platforms: Object.fromEntries(platforms) };
}

export function baseFor(base: StoredBase, platform: Platform): ResolvedBase {
  if ("digests" in base) return { reference: base.reference, digest: base.digests[platform] ?? "" };
  const { platforms, ...shared } = base;
  return { ...shared, ...(platforms[platform] ?? { reads: [], tree: "" }) };
}
