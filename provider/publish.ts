import type { CallSite } from "../sdk/call-site";
import { SlipwayError } from "../sdk/error";
import { hashImage } from "../sdk/hash";
import type { Platform } from "../sdk/platform";
import { formatReference } from "../sdk/reference";
import { referenceOf } from "../sdk/dockerfile-plan";
import { isDockerfileBase, type ResolvedSpec } from "../sdk/spec";
import { findPlace } from "./base";
import type { Builder, BuildProgress, BuildRequest } from "./builder";
import { adoptImage, commitImage, type StoredImage } from "./commit";
import type { Mirror } from "./mirrors";
import type { Registry, RepositoryAddress } from "./registry";
import { readSecrets, type SecretPlaces } from "./secret-store";

/** An image that is to be in a repository. */
export interface PublishRequest {
  /** One for each platform; they differ in platform and base only. */
  readonly specs: readonly ResolvedSpec[];
  readonly callSites: readonly (CallSite | undefined)[];
  readonly folder: string;
  readonly baseCallSite?: CallSite | undefined;
  /** Where else the base may be. */
  readonly mirrors: readonly Mirror[];
  readonly repository: RepositoryAddress;
  /** Where bases are asked for. Default: the repository's own registry. */
  readonly bases?: Registry;
  /** Where the values of its secrets are; looked at only when something is built. */
  readonly secretPlaces: SecretPlaces;
  /** Makes the repository ready to be written to. */
  readonly prepare?: () => Promise<void>;
  readonly onProgress: (progress: BuildProgress) => void;
  readonly signal: AbortSignal;
}

export interface PublishedImage extends StoredImage {
  /** Whether it was there already, so that nothing was built. */
  readonly reused: boolean;
}

/**
 * Sees to it that the repository holds an image: takes the one that is there, else builds it, pushes it by digest and
 * puts the hash as its tag last. `makeBuilder` is called only when something is built.
 *
 * @throws SlipwayError
 */
export async function publishImage(
  registry: Registry,
  makeBuilder: () => Builder,
  request: PublishRequest,
): Promise<PublishedImage> {
  try {
    return await publish(registry, makeBuilder, request);
  } catch (cause) {
    if (cause instanceof SlipwayError || !request.signal.aborted) throw cause;
    const { host, path } = request.repository;
    throw new SlipwayError({
      code: "BUILD_CANCELLED",
      text: `publishing to ${host}/${path}: it was stopped.`,
      hint: "Run it again: what was built so far is in the builder's cache.",
      cause,
    });
  }
}

async function publish(
  registry: Registry,
  makeBuilder: () => Builder,
  request: PublishRequest,
): Promise<PublishedImage> {
  const { repository, specs, signal } = request;
  const hash = hashImage(specs);
  const stored = await adoptImage(registry, repository, hash, signal);
  if (stored !== undefined) return { ...stored, reused: true };
  const [first] = specs;
  const secrets =
    first === undefined ? [] : readSecrets(first, request.callSites, request.secretPlaces, request.baseCallSite);
  await request.prepare?.();
  const builder = makeBuilder();
  const builds: { platform: Platform; digest: string }[] = [];
  for (const spec of specs) {
    const digest = await builder.build({
      spec,
      callSites: request.callSites,
      baseCallSite: request.baseCallSite,
      folder: request.folder,
      ...(await findNames(request.bases ?? registry, request, spec)),
      repository,
      secrets,
      onProgress: request.onProgress,
      signal,
    });
    builds.push({ platform: spec.platform, digest });
  }
  request.onProgress({ text: "checking what was pushed, putting the tag" });
  return { ...(await commitImage(registry, repository, hash, builds, signal)), reused: false };
}

/** All images by digest, at the places where they are. */
async function findNames(
  bases: Registry,
  { mirrors, signal }: PublishRequest,
  spec: ResolvedSpec,
): Promise<Pick<BuildRequest, "from" | "images">> {
  const find = async (reference: string, digest: string): Promise<string> =>
    formatReference({ ...(await findPlace(bases, mirrors, { reference, digest }, signal)), digest });
  const images: Record<string, string> = {};
  for (const [key, digest] of Object.entries(spec.images ?? {})) images[key] = await find(referenceOf(key), digest);
  if (isDockerfileBase(spec.base)) return { images };
  return { images, from: await find(spec.base.reference, spec.base.digest) };
}
