import { createHash } from "node:crypto";
import { SlipwayError } from "../sdk/error";
import { parseRepository } from "../sdk/reference";
import type { CacheChoice, Compression } from "./builder-choice";
import type { RepositoryAddress } from "./registry";

/** A tag has at most 128 characters. */
const MAX_TAG = 128;

/** One build, as far as its cache is concerned. */
export interface CachedBuild {
  readonly repository: RepositoryAddress;
  readonly platform: string;
  /** Whose cache it is. */
  readonly owner: string;
  readonly compression: Compression;
}

/**
 * A name for cache, or `host/path:name` in another repository.
 *
 * @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE
 */
export function checkCacheName(what: string, value: unknown): string {
  const { place, name } = splitName(typeof value === "string" ? value : "");
  if (typeof value !== "string" || !/^\w[\w./-]*$/.test(name)) {
    const hint = 'Write "main", or "host/path:main" for a repository of its own.';
    throw new SlipwayError({ code: "INVALID_ARGUMENT", text: `${what} is no name.`, hint });
  }
  if (place !== undefined) parseRepository(place);
  return value;
}

/**
 * What buildx is told of the cache. Failing to write it fails no build. The media types are those that ECR takes, too.
 */
export function cacheArgs({ to, from = [], mode = "max" }: CacheChoice, build: CachedBuild): readonly string[] {
  const written =
    to === undefined
      ? []
      : [
          ...[`type=registry`, `"ref=${cacheReference(to, build)}"`, `mode=${mode}`],
          ...["image-manifest=true", "oci-mediatypes=true", "ignore-error=true", `compression=${build.compression}`],
        ];
  return [
    ...from.flatMap((name) => ["--cache-from", `type=registry,"ref=${cacheReference(name, build)}"`]),
    ...(written.length === 0 ? [] : ["--cache-to", written.join(",")]),
  ];
}

/** The registries of cache outside the image's own. */
export function cacheHosts({ to, from = [] }: CacheChoice): readonly string[] {
  const names = [...(to === undefined ? [] : [to]), ...from];
  return names.flatMap((name) => {
    const { place } = splitName(name);
    return place === undefined ? [] : [parseRepository(place).host];
  });
}

/** Tags begin with `cache-`, which repositories that Slipway creates in ECR let move, and let go. */
function cacheReference(text: string, { repository, platform, owner }: CachedBuild): string {
  const { place, name } = splitName(text);
  const { host, path } = place === undefined ? repository : parseRepository(place);
  const parts = ["cache", name, ...(owner === "" ? [] : [owner]), platform.replace("linux/", "").replaceAll("/", "-")];
  const plain = parts.map((part) => part.replace(/[^\w.-]/g, "-")).join("-");
  if (plain === parts.join("-") && plain.length <= MAX_TAG) return `${host}/${path}:${plain}`;
  // What could not stay as it is must not become another one's.
  const digest = createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 12);
  return `${host}/${path}:${plain.slice(0, MAX_TAG - 13)}-${digest}`;
}

/** The name is what follows the last colon behind the last slash of an address; a branch has slashes and no colon. */
function splitName(text: string): { readonly place: string | undefined; readonly name: string } {
  const found = /^(.+\/.+):([^:/]+)$/.exec(text);
  return found === null ? { place: undefined, name: text } : { place: found[1], name: found[2] ?? "" };
}
