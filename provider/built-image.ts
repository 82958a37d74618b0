import * as pulumi from "@pulumi/pulumi";
import { checkNames, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { describeError, SlipwayError } from "../sdk/error";
import { Image } from "../sdk/image";
import { DEFAULT_PLATFORM, parsePlatforms, type Platform } from "../sdk/platform";
import { chooseBuilder, readBuilderMirrors, type BuilderArgs } from "./builder-args";
import type { Existence } from "./existence";
import { handledMounts, planMounts, pushedMounts, type MountPlan } from "./image-mounts";
import { rememberMounts, type ImageMounts } from "./mount-source";
import type { Mount } from "../sdk/step";
import { ownUrn } from "./own-urn";
import type { ResolvedMounts } from "./program";
import { programOf, type Program } from "./pulumi-program";
import type { LocatedRepository } from "./located";
import type { BuildChoice } from "./place-image";
import { planRepository } from "./planned-repository";
import { imageProviderText } from "./provider-text";
import { inRegion, type RegionalImage } from "./regional-image";
import { readRepository, type Repository } from "./repository";
import { resourceLog } from "./resource-log";
import type { RunFacts } from "./run";
import type { ImageInputs } from "./state";

export interface BuiltImageArgs {
  readonly image: pulumi.Input<Image>;
  /** Where the image is stored. Default: the setting `slipway:repository`, `SLIPWAY_REPOSITORY`, `localhost:5000/images`. */
  readonly repository?: Repository | pulumi.Input<string>;
  /** For example `["linux/amd64", "linux/arm64"]`; several become one index. Default `["linux/amd64"]`, never the host's. */
  readonly platforms?: readonly string[];
  /** Default: the setting `slipway:builder`, `SLIPWAY_BUILDER`, the current builder of buildx. */
  readonly builder?: BuilderArgs;
  /** `"never"`: an image that is stored nowhere is an error, and no builder is needed. Default `"auto"`. */
  readonly build?: BuildChoice;
}

/** What another stack needs of an image, as plain JSON. */
export interface ImageHandle {
  readonly uri: string;
  readonly ref: string;
  readonly hash: string;
  readonly platforms: readonly string[];
  /** Platform → digest of its manifest. */
  readonly platformDigests?: Readonly<Record<string, string>> | undefined;
  /** Compressed, in bytes. */
  readonly sizeBytes: number;
  /** What its containers get when they start; left out where there is nothing. */
  readonly mounts?: ImageMounts | undefined;
}

/**
 * An image in a repository. It is built when nobody has built its content before, and its tag is the hash of that
 * content: `uri` is known at preview, an unchanged image is no update, another content is a replacement.
 *
 * @example
 * ```ts
 * const image = new BuiltImage("api", { image: Image.debianSlim("3.11").pipInstall(["requests"]) });
 * export const uri = image.uri;
 * ```
 */
export class BuiltImage extends pulumi.CustomResource {
  /** 64 hex digits; known at preview. */
  declare readonly hash: pulumi.Output<string>;
  /** `<repository>:<hash>`; known at preview. */
  declare readonly uri: pulumi.Output<string>;
  /** The manifest's digest, `sha256:…`. */
  declare readonly digest: pulumi.Output<string>;
  /** What a node pulls that has none of it: compressed, in bytes. */
  declare readonly sizeBytes: pulumi.Output<number>;
  declare readonly platforms: pulumi.Output<readonly string[]>;
  /** Platform → digest of its manifest, for what cannot read an index (AWS Lambda); known after the update. */
  declare readonly platformDigests: pulumi.Output<Readonly<Record<string, string>>>;
  /** Region → digest, where the repository is in more than one; known after the update. */
  declare readonly regions: pulumi.Output<Readonly<Record<string, string>> | undefined>;
  /** The digest of the image that holds its mounts; `undefined` where it has none. */
  declare readonly mountDigest: pulumi.Output<string | undefined>;
  /** `<repository>@sha256:…`, what a pod runs; known at preview when the hash is stored, else after the update. */
  readonly ref: pulumi.Output<string>;
  /** What a stack exports for another one. */
  readonly handle: pulumi.Output<ImageHandle>;
  readonly #plan: Plan;

  /** @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE */
  constructor(name: string, args: BuiltImageArgs, opts?: pulumi.CustomResourceOptions) {
    const call: Call = { text: `new BuiltImage(${JSON.stringify(name)}, …)`, callSite: readCallSite(BuiltImage) };
    const plan = planImage(call, name, args, opts);
    const props = {
      ...plan.inputs,
      digest: undefined,
      sizeBytes: undefined,
      reused: undefined,
      platformDigests: undefined,
      regions: undefined,
      mountDigest: undefined,
      __provider: imageProviderText,
    };
    // An inherited `protect` would only block a new hash: deleting an image's resource removes nothing.
    super(TYPE, name, props, { ...opts, protect: opts?.protect ?? false });
    this.#plan = plan;
    const { repository, stored } = plan;
    const built = pulumi.interpolate`${repository}@${this.digest}`;
    this.ref = stored.apply((digest) =>
      digest === undefined ? built : pulumi.all([this.urn, repository]).apply(([, place]) => `${place}@${digest}`),
    );
    // The state of an image for one platform says its digest once.
    this.platformDigests = pulumi
      .all([this.platformDigests, this.platforms, this.digest])
      .apply(([known, platforms, digest]) => known ?? Object.fromEntries(platforms.map((name) => [name, digest])));
    const mounts = pushedMounts(plan.mounts, this);
    rememberMounts(this, { local: plan.local, pushed: mounts, onUse: plan.mounts.onUse });
    this.handle = pulumi
      .all([this.uri, this.ref, this.hash, this.platforms, this.platformDigests, this.sizeBytes, handledMounts(mounts)])
      .apply(([uri, ref, hash, platforms, platformDigests, sizeBytes, held]) => {
        const handle = { uri, ref, hash, platforms, platformDigests, sizeBytes };
        return held === undefined ? handle : { ...handle, mounts: held };
      });
  }

  /**
   * The image in a region of its repository, where workloads of that region pull it: `ref` for a Deployment of one's own,
   * `handle` for a WarmPool, a Sandbox or Mounts.
   *
   * @example
   * ```ts
   * const repository = ecrRepository({ name: "images", regions: ["us-west-2", "eu-west-1"] });
   * const image = new BuiltImage("api", { image: Image.debianSlim("3.11"), repository });
   * export const ref = image.in("eu-west-1").ref;
   * new Sandbox("europe", { image: image.in("eu-west-1").handle });
   * ```
   */
  in(region: string): RegionalImage {
    const call: Call = { text: `BuiltImage.in(${JSON.stringify(region)})`, callSite: readCallSite(this.in) };
    const { located, existence } = this.#plan;
    const { urn, hash, digest, handle, regions } = this;
    return inRegion(call, region, { located, existence, urn, hash, digest, handle, regions });
  }
}

const TYPE = "pulumi-nodejs:dynamic/slipway:BuiltImage";

type Inputs = { readonly [K in keyof ImageInputs]: pulumi.Input<ImageInputs[K] | undefined> } & {
  readonly __urn: pulumi.Input<string>;
  readonly __run: pulumi.Input<RunFacts>;
};

interface Plan {
  readonly inputs: Inputs;
  readonly repository: pulumi.Output<string>;
  readonly located: pulumi.Output<LocatedRepository>;
  readonly existence: pulumi.Output<Existence>;
  /** The digest that the repository has under the hash. */
  readonly stored: pulumi.Output<string | undefined>;
  /** Of an Image that was given as it is. */
  readonly local: readonly Mount[] | undefined;
  readonly mounts: MountPlan;
}

/** Everything that the program knows before anything runs, as Outputs that carry the dependencies of the arguments. */
function planImage(
  call: Call,
  name: string,
  args: BuiltImageArgs,
  opts: pulumi.CustomResourceOptions | undefined,
): Plan {
  checkArgs(call, args);
  const platforms = checkPlatforms(call, args.platforms);
  const program = programOf();
  const chosen = chooseRepository(call, args.repository, program);
  const urn = pulumi.output(ownUrn(name, TYPE, opts?.parent));
  const given = pulumi.output(args.image);
  const image = given.apply((value) => checkImage(call, value));
  // Wrong mounts fail what `read` gives and nothing else: at each failure V8 looks for whoever may handle it, in all that
  // waits for it by every way there (Isolate::PromiseHasUserDefinedRejectHandler), which among Outputs takes for ever.
  let tellMounts: (mounts: ResolvedMounts) => void = () => undefined;
  const toldMounts = new Promise<ResolvedMounts>((resolve) => (tellMounts = resolve));
  const read = pulumi.all([image, urn]).apply(([value, resourceUrn]) => {
    const log = resourceLog(resourceUrn);
    const wrong = (error: unknown): void => log.error(withLine(call, error));
    const isPlain = program.watch(refuseSecret(call, given), wrong);
    const report = { info: log.info, status: log.status, wrong };
    const mounts = program.resolveMounts(value, report);
    mounts.then(tellMounts, () => undefined);
    return Promise.all([program.resolve(value, platforms, report), mounts, isPlain]);
  });
  const resolved = read.apply(([found]) => found);
  const located = planRepository(chosen, program, urn, (error) => withLine(call, error));
  const repository = located.apply((value) => value.repository);
  const existence = pulumi
    .all([resolved, located])
    .apply(([{ hash }, place]): Promise<Existence> => program.exists(place, hash));
  const mounts = planMounts({ image, resolved: image.apply(() => toldMounts), urn, located }, program);
  const builder = pulumi.output(chooseBuilder(call, args.builder, program.settings));
  const mirrors = [...readBuilderMirrors(call, args.builder), ...program.settings.mirrors];
  const run = pulumi
    .all([image, resolved, existence, builder, urn, located, mounts.facts])
    .apply(async ([value, { isLocked, specs }, found, choice, resourceUrn, place, mountFacts]): Promise<RunFacts> => {
      const isToBuild = found.kind === "missing" && args.build !== "never";
      const prefixes = isToBuild ? await program.planPrefixes(place, specs) : undefined;
      if (isToBuild) {
        const report = (error: unknown): void => resourceLog(resourceUrn).error(withLine(call, error));
        await program.watch(checkSecrets(program, value, resourceUrn), report);
      }
      return {
        folder: program.images.folder,
        callSites: value.callSites.map((callSite) => callSite ?? ""),
        existence: found,
        isLocked: isLocked || program.settings.lock === "write",
        mirrors,
        baseCallSite: value.baseCallSite ?? "",
        builder: choice,
        build: args.build ?? "auto",
        ...(mountFacts === undefined ? {} : { mounts: mountFacts }),
        ...(prefixes === undefined ? {} : { prefixes }),
      };
    });
  return {
    inputs: {
      hash: resolved.apply(({ hash }) => hash),
      uri: pulumi.all([resolved, repository]).apply(([{ hash }, url]) => `${url}:${hash}`),
      repository,
      insecure: located.apply(({ insecure }) => insecure),
      ecr: located.apply(({ ecr }) => ecr),
      format: resolved.apply(({ format }) => format),
      platforms: [...platforms],
      base: resolved.apply(({ base }) => base),
      images: resolved.apply(({ images }) => images),
      steps: resolved.apply(({ steps }) => steps),
      mounts: mounts.resolved.apply(({ mounts: all }) => (all.length === 0 ? undefined : all)),
      __urn: urn,
      __run: run,
    },
    repository,
    located,
    existence,
    stored: existence.apply((found) => ("digest" in found ? found.digest : undefined)),
    local: Image.isImage(args.image) ? args.image.spec.mounts : undefined,
    mounts,
  };
}

/** An Image that was built inside `.apply` of a secret has what is secret in its steps. */
export async function refuseSecret(call: Call, image: pulumi.Output<unknown>): Promise<void> {
  if (!(await pulumi.isSecret(image))) return;
  throw fail(
    call,
    "the image comes from a secret Output, so its steps may hold what is secret.",
    'Give it to steps that need it: runCommands("…", { secrets: [Secret.fromConfig("key")] }). What is no secret: pulumi.unsecret(…).',
    "OUTPUT_AS_ARGUMENT",
  );
}

/** What an update would miss is a warning in a preview: where previews run, secrets need not be. */
async function checkSecrets(program: Program, image: Image, urn: string): Promise<void> {
  try {
    program.checkSecrets(image);
  } catch (error) {
    if (!pulumi.runtime.isDryRun()) throw error;
    resourceLog(urn).warn(`an update from here would fail: ${describeError(error)}`);
  }
}

/** An error's message with the user's line: the step's where the error has one, else the resource's. */
export function withLine(call: Call, error: unknown): string {
  const hasLine = (error instanceof SlipwayError && error.callSite !== undefined) || call.callSite === undefined;
  return hasLine ? describeError(error) : `${describeError(error)}\n    at ${call.callSite}`;
}

function checkArgs(call: Call, args: unknown): void {
  if (typeof args !== "object" || args === null || !("image" in args) || args.image === undefined) {
    throw fail(call, "the image is missing.", "Give { image: Image.debianSlim()… }.");
  }
  const known = ["image", "repository", "platforms", "builder", "build"];
  checkNames(call, "argument", args, known);
  if ("build" in args && args.build !== undefined && args.build !== "auto" && args.build !== "never") {
    throw fail(call, `build is ${JSON.stringify(args.build)}.`, 'Write "auto" or "never".');
  }
  // A plain value is looked at right here, where the error has the user's line.
  if (!pulumi.Output.isInstance(args.image) && !(args.image instanceof Promise)) checkImage(call, args.image);
}

export function checkImage(call: Call, value: unknown): Image {
  if (Image.isImage(value)) return value;
  throw fail(call, "the image is not an Image.", 'Build one with Image.debianSlim(…), Image.base("…").');
}

export function checkPlatforms(call: Call, names: unknown): readonly Platform[] {
  if (names === undefined) return [DEFAULT_PLATFORM];
  const isList = Array.isArray(names) && names.every((name: unknown): name is string => typeof name === "string");
  if (!isList) throw fail(call, "the platforms are not a list of names.", 'Write ["linux/amd64"].');
  try {
    return parsePlatforms(names);
  } catch (error) {
    throw fail(call, describeError(error), "");
  }
}

function chooseRepository(call: Call, given: BuiltImageArgs["repository"], program: Program): Repository {
  return readRepository(call, given ?? program.defaultRepository());
}
