import { describeError, SlipwayError } from "../sdk/error";
import { adoptImage } from "./commit";
import type { Builder } from "./builder";
import type { BuilderChoice } from "./builder-choice";
import type { Places } from "./place";
import { placeImage } from "./place-image";
import { publishMounts } from "./publish-mounts";
import type { Registry } from "./registry";
import type { SecretPlaces } from "./secret-store";
import type { PublishedImage } from "./publish";
import type { ResourceLog } from "./resource-log";
import { urnOf, type RunFacts } from "./run";
import type { SharedBuilds } from "./shared-builds";
import { checkHash, readInputs, specsOf, type ImageInputs, type ImageOutputs } from "./state";

/** What an update needs of its surroundings. */
export interface ApplyContext {
  readonly placesOf: (inputs: ImageInputs) => Places;
  /** Where bases are asked for. */
  readonly bases: Registry;
  readonly makeBuilder: (choice: BuilderChoice, hosts: readonly string[], places: SecretPlaces) => Builder;
  readonly placesFor: (folder: string) => SecretPlaces;
  readonly factsOf: (inputs: Props) => RunFacts;
  readonly logFor: (urn: string) => ResourceLog;
  /** Makes an empty folder for what is on its way. */
  readonly makeFolder: () => string;
  /** What this process builds right now. */
  readonly shared: SharedBuilds<PublishedImage>;
  /** Lets so many builds and copies of a builder run at once; who waits for another's build takes no place. */
  readonly limitOf: (choice: BuilderChoice) => Limit;
  readonly signal: AbortSignal;
}

/** Runs work when its turn comes. */
type Limit = <T>(work: () => Promise<T>) => Promise<T>;

type Props = Readonly<Record<string, unknown>>;

/**
 * Pulumi's create and update: sees to it that the repository holds the image.
 *
 * @throws SlipwayError, with everything that the user needs in its message: Pulumi shows nothing else
 */
export async function applyImage(context: ApplyContext, props: Props): Promise<{ id: string; outs: Props }> {
  const inputs = readInputs(props);
  if (inputs === undefined) {
    throw new SlipwayError({
      code: "HASH_MISMATCH",
      text: "the inputs are not an image's spec.",
      hint: "Leave the inputs as BuiltImage gives them.",
    });
  }
  checkHash(inputs);
  const run = context.factsOf(props);
  const log = context.logFor(urnOf(props));
  const places = context.placesOf(inputs);
  const specs = specsOf(inputs);
  const secretPlaces = context.placesFor(run.folder);
  const makeBuilder = (hosts: readonly string[]): Builder => context.makeBuilder(run.builder, hosts, secretPlaces);
  const placed = await placeImage(places, makeBuilder, {
    specs,
    callSites: run.callSites.map(readSite),
    folder: run.folder,
    mirrors: run.mirrors,
    bases: context.bases,
    baseCallSite: readSite(run.baseCallSite),
    secretPlaces,
    build: run.build,
    prefixes: run.prefixes,
    shared: context.shared,
    owner: urnOf(props).split("::").at(-1) ?? "",
    limit: context.limitOf(run.builder),
    onProgress: ({ text }) => log.status(text),
    signal: context.signal,
  });
  const { reused, digest, sizeBytes, platformDigests, regions } = placed;
  log.status(reused ? "exists, nothing built" : `built, ${formatSize(sizeBytes)}`);
  const mountDigest = await applyMounts(context, inputs, run, { places, log });
  const outputs: ImageOutputs = {
    digest,
    sizeBytes,
    reused,
    ...(platformDigests === undefined ? {} : { platformDigests }),
    ...(regions === undefined ? {} : { regions }),
    ...(mountDigest === undefined ? {} : { mountDigest }),
  };
  return { id: inputs.hash, outs: { ...props, ...outputs } };
}

/** A hidden input has `""` for the line that nobody knows. */
function readSite(callSite: string | undefined): string | undefined {
  return callSite === "" ? undefined : callSite;
}

/** Pushes what containers get beside the image, where there is something. */
function applyMounts(
  { signal, makeFolder, limitOf }: ApplyContext,
  { mounts = [] }: ImageInputs,
  run: RunFacts,
  { places, log }: { readonly places: Places; readonly log: ResourceLog },
): Promise<string | undefined> {
  if (mounts.length === 0) return Promise.resolve(undefined);
  const callSites = (run.mounts?.callSites ?? []).map(readSite);
  const onProgress = (text: string) => log.status(text);
  return limitOf(run.builder)(() =>
    publishMounts(places, { mounts, callSites, folder: run.folder, makeFolder, onProgress, signal }),
  );
}

/** Pulumi's read: state goes only when the repository said that the image is not there. */
export async function readImage(
  context: ApplyContext,
  id: string,
  props: Props,
): Promise<{ id: string; props: Props }> {
  const inputs = readInputs(props);
  if (inputs === undefined) return { id, props };
  try {
    const { home } = context.placesOf(inputs);
    const stored = await adoptImage(home.registry, home.address, inputs.hash, context.signal);
    return stored === undefined ? { id: "", props: {} } : { id, props: { ...props, ...stored } };
  } catch (error) {
    context.logFor(urnOf(props)).warn(`kept as it is, since the repository could not tell: ${describeError(error)}`);
    return { id, props };
  }
}

/** Megabytes as registries count them, 10^6 bytes. */
function formatSize(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}
