import type { CallSite } from "../sdk/call-site";
import { SlipwayError } from "../sdk/error";
import { hashImage } from "../sdk/hash";
import { formatReference } from "../sdk/reference";
import { referenceOf } from "../sdk/dockerfile-plan";
import { isDockerfileBase, type ResolvedSpec } from "../sdk/spec";
import { findPlace } from "./base";
import type { Builder, BuildProgress, BuildRequest } from "./builder";
import { checkPlatforms } from "./check-platforms";
import { adoptImage, commitImage, type PushedBuild, type StoredImage } from "./commit";
import { formatAddress } from "./ecr-address";
import type { Mirror } from "./mirrors";
import { findPrefix, type PrefixPlan, type StoredPrefix } from "./prefix";
import type { Registry, RepositoryAddress } from "./registry";
import { readSecrets, type SecretPlaces } from "./secret-store";
import { SharedBuilds } from "./shared-builds";

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
  /** Which of its first steps are images of their own. Default: what the spec alone says. */
  readonly prefixes?: PrefixPlan | undefined;
  /** How many steps the image has of which this is a part. Default: as many as the specs have. */
  readonly stepCount?: number;
  /** What this process builds right now. */
  readonly shared?: SharedBuilds<PublishedImage>;
  /** Who asks, in words for others that wait for the same. */
  readonly owner?: string;
  /** Lets so many builds run at once. */
  readonly limit?: <T>(work: () => Promise<T>) => Promise<T>;
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
  const { shared = new SharedBuilds(), owner = "" } = request;
  const steps = specs[0]?.steps.length ?? 0;
  const what = steps === 1 ? "step 1" : `what steps 1 to ${steps} make`;
  return shared.run(`${formatAddress(repository)}:${hash}`, { owner, what }, () =>
    build(registry, makeBuilder, { ...request, shared }, hash),
  );
}

async function build(
  registry: Registry,
  makeBuilder: () => Builder,
  request: PublishRequest,
  hash: string,
): Promise<PublishedImage> {
  const { repository, specs, signal, limit = (work) => work() } = request;
  const [first] = specs;
  const secrets =
    first === undefined ? [] : readSecrets(first, request.callSites, request.secretPlaces, request.baseCallSite);
  const builder = makeBuilder();
  await checkPlatforms(builder, registry, request);
  await request.prepare?.();
  const prefix = await findPrefix(registry, request, (part) => publish(registry, makeBuilder, part));
  const builds = await buildAll(request, async (spec, own) => {
    const run = async (from: StoredPrefix | undefined): Promise<PushedBuild> => {
      const names = await findNames(request.bases ?? registry, request, spec, from && { ...from, repository });
      const { callSites, baseCallSite, folder, stepCount, owner } = request;
      const build = { spec, callSites, baseCallSite, folder, ...names, stepCount, repository, owner, secrets, ...own };
      const digest = await limit(() => builder.build(build));
      return { platform: spec.platform, digest, from: digestWithin(repository, names.from) };
    };
    return run(prefix).catch((error: unknown) => {
      if (prefix === undefined || !isAboutPrefix(error, prefix)) throw error;
      own.onProgress({ text: "the stored steps cannot be read; builds all of them" });
      return run(undefined);
    });
  });
  request.onProgress({ text: "checking what was pushed, putting the tag" });
  return { ...(await commitImage(registry, repository, hash, builds, signal)), reused: false };
}

/** Builds for all platforms at once. The first that fails ends the others, and says for which platform it was. */
async function buildAll(
  { specs, onProgress, signal }: PublishRequest,
  build: (spec: ResolvedSpec, own: Pick<BuildRequest, "onProgress" | "signal">) => Promise<PushedBuild>,
): Promise<readonly PushedBuild[]> {
  const [first] = specs;
  if (first !== undefined && specs.length === 1) return [await build(first, { onProgress, signal })];
  const failure = new AbortController();
  const work = specs.map(async (spec) => {
    const tell = ({ text }: BuildProgress): void => onProgress({ text: `${spec.platform}: ${text}` });
    try {
      return await build(spec, { onProgress: tell, signal: AbortSignal.any([signal, failure.signal]) });
    } catch (error) {
      const named = nameIn(error, spec.platform);
      failure.abort(named);
      throw named;
    }
  });
  await Promise.allSettled(work);
  if (failure.signal.aborted && !signal.aborted) throw failure.signal.reason;
  return Promise.all(work);
}

function nameIn(error: unknown, platform: string): unknown {
  if (!(error instanceof SlipwayError)) return error;
  const { code, text, hint, callSite } = error;
  return new SlipwayError({ code, text: `${platform}: ${text}`, hint, callSite, cause: error });
}

/** The digest of a reference to an image of a repository; `undefined` for one to another repository's. */
function digestWithin(repository: RepositoryAddress, reference = ""): string | undefined {
  const [place, digest] = reference.split("@");
  return place === formatReference(repository) ? digest : undefined;
}

/** A builder may not be able to pull what it may push; the image does not depend on it. */
function isAboutPrefix(error: unknown, { digest }: StoredPrefix): boolean {
  if (!(error instanceof SlipwayError) || error.code !== "BUILD_FAILED" || error.callSite !== undefined) return false;
  return error.text.includes(digest) && !/failed to push/.test(error.text);
}

/** All images by digest, at the places where they are. */
export async function findNames(
  bases: Registry,
  { mirrors, signal }: { readonly mirrors: readonly Mirror[]; readonly signal?: AbortSignal },
  spec: ResolvedSpec,
  prefix?: StoredPrefix & { readonly repository: RepositoryAddress },
): Promise<Pick<BuildRequest, "from" | "prefixSteps" | "images">> {
  const find = async (reference: string, digest: string): Promise<string> =>
    formatReference({ ...(await findPlace(bases, mirrors, { reference, digest }, signal)), digest });
  const images: Record<string, string> = {};
  for (const [key, digest] of Object.entries(spec.images ?? {})) images[key] = await find(referenceOf(key), digest);
  if (prefix !== undefined) {
    return {
      images,
      from: formatReference({ ...prefix.repository, digest: prefix.digest }),
      prefixSteps: prefix.steps,
    };
  }
  if (isDockerfileBase(spec.base)) return { images };
  return { images, from: await find(spec.base.reference, spec.base.digest) };
}
