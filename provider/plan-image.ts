import * as pulumi from "@pulumi/pulumi";
import { checkNames, fail, type Call } from "../sdk/arguments";
import { describeError, SlipwayError } from "../sdk/error";
import { Image } from "../sdk/image";
import { DEFAULT_PLATFORM, parsePlatforms, type Platform } from "../sdk/platform";
import { chooseBuilder, readBuilderMirrors, type BuilderArgs } from "./builder-args";
import type { Existence } from "./existence";
import { planMounts, type MountPlan } from "./image-mounts";
import { foldInputs, toInputs } from "./folded-inputs";
import { fromOutput, mapLater, plainly, type Later } from "./later";
import type { Mount } from "../sdk/step";
import { ownUrn } from "./own-urn";
import type { ResolvedMounts } from "./program";
import { programOf, type Program } from "./pulumi-program";
import type { LocatedRepository } from "./located";
import type { BuildChoice } from "./place-image";
import { planRepository } from "./planned-repository";
import { readRepository, type Repository } from "./repository";
import { resourceLog } from "./resource-log";
import type { RunFacts } from "./run";
import { writeSpec, type ImageOutputs, type ImageProps } from "./state";

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

/** The resource's type, as states have it. */
export const IMAGE_TYPE = "pulumi-nodejs:dynamic/slipway:BuiltImage";

type Laters = { readonly [K in keyof ImageProps]: Later<ImageProps[K] | undefined> } & {
  readonly __urn: Later<string>;
  readonly __run: Later<RunFacts>;
};

export interface ImagePlan {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What Pulumi gives the resource, of that which this image may have. */
  readonly outputs: { readonly [K in keyof (ImageProps & ImageOutputs)]?: undefined };
  readonly platforms: readonly Platform[];
  readonly located: Later<LocatedRepository>;
  readonly existence: Later<Existence>;
  /** Of an Image that was given as it is. */
  readonly local: readonly Mount[] | undefined;
  readonly mounts: MountPlan;
}

/** Everything that the program knows before anything runs, with the dependencies of the arguments. */
export function planImage(
  call: Call,
  name: string,
  args: BuiltImageArgs,
  opts: pulumi.CustomResourceOptions | undefined,
): ImagePlan {
  checkArgs(call, args);
  const platforms = checkPlatforms(call, args.platforms);
  const program = programOf();
  const repository = chooseRepository(call, args.repository, program);
  const urn = ownUrn(name, IMAGE_TYPE, opts?.parent);
  const given = Image.isImage(args.image) ? args.image : pulumi.output(args.image);
  const image = pulumi.Output.isInstance(given)
    ? fromOutput(given.apply((value) => checkImage(call, value)))
    : plainly(given);
  // Wrong mounts fail what `read` gives and nothing else: at each failure V8 looks for whoever may handle it, in all that
  // waits for it by every way there (Isolate::PromiseHasUserDefinedRejectHandler), which among Outputs takes for ever.
  let tellMounts: (mounts: ResolvedMounts) => void = () => undefined;
  const toldMounts = new Promise<ResolvedMounts>((resolve) => (tellMounts = resolve));
  const resolved = mapLater(image, async (value) => {
    const log = resourceLog(await urn);
    const wrong = (error: unknown): void => log.error(withLine(call, error));
    const isPlain = pulumi.Output.isInstance(given) ? program.watch(refuseSecret(call, given), wrong) : undefined;
    const report = { info: log.info, status: log.status, wrong };
    const mounts = program.resolveMounts(value, report);
    mounts.then(tellMounts, () => undefined);
    const [found] = await Promise.all([program.resolve(value, platforms, report), mounts, isPlain]);
    return found;
  });
  const located = planRepository(repository, program, urn, (error) => withLine(call, error));
  const existence = mapLater(
    resolved,
    async ({ hash }): Promise<Existence> => program.exists(await located.value, hash),
    located,
  );
  const mounts = planMounts({ image, resolved: mapLater(image, () => toldMounts), urn, located }, program);
  const chosen = chooseBuilder(call, args.builder, program.settings);
  const builder = pulumi.Output.isInstance(chosen) ? fromOutput(chosen) : plainly(chosen);
  const mirrors = [...readBuilderMirrors(call, args.builder), ...program.settings.mirrors];
  const tellRun = async (found: Existence): Promise<RunFacts> => {
    const [value, { isLocked, specs }, place, mountFacts] = await Promise.all([
      image.value,
      resolved.value,
      located.value,
      mounts.facts.value,
    ]);
    const isToBuild = found.kind === "missing" && args.build !== "never";
    const prefixes = isToBuild ? await program.planPrefixes(place, specs) : undefined;
    if (isToBuild) {
      const resourceUrn = await urn;
      const report = (error: unknown): void => resourceLog(resourceUrn).error(withLine(call, error));
      await program.watch(checkSecrets(program, value, resourceUrn), report);
    }
    return {
      folder: program.images.folder,
      callSites: value.callSites.map((callSite) => callSite ?? ""),
      existence: found,
      repository: place.repository,
      isLocked: isLocked || program.settings.lock === "write",
      mirrors,
      baseCallSite: value.baseCallSite ?? "",
      builder: await builder.value,
      build: args.build ?? "auto",
      ...(mountFacts === undefined ? {} : { mounts: mountFacts }),
      ...(prefixes === undefined ? {} : { prefixes }),
    };
  };
  const spec = pulumi.Output.isInstance(given) ? undefined : given.spec;
  const isEcr = repository.kind === "ecr";
  const hasMounts = spec?.mounts.length !== 0;
  const inputs: Laters = {
    hash: mapLater(resolved, ({ hash }) => hash),
    uri: mapLater(resolved, async ({ hash }) => `${(await located.value).repository}:${hash}`, located),
    ...(isEcr || repository.insecure ? { insecure: mapLater(located, ({ insecure }) => insecure) } : {}),
    ...(isEcr ? { ecr: mapLater(located, ({ ecr }) => ecr) } : {}),
    spec: mapLater(resolved, (value) => writeSpec({ ...value, platforms })),
    ...(hasMounts
      ? { mounts: mapLater(mounts.resolved, ({ mounts: all }) => (all.length === 0 ? undefined : all)) }
      : {}),
    __urn: plainly(urn),
    __run: mapLater(existence, tellRun, mounts.facts, builder),
  };
  return {
    // Under mocks nobody unfolds them.
    inputs: program.isMocked ? toInputs(inputs) : foldInputs(inputs),
    outputs: {
      ...{ hash: undefined, uri: undefined, digest: undefined, sizeBytes: undefined },
      ...(platforms.length > 1 ? { platformDigests: undefined } : {}),
      ...(isEcr ? { regions: undefined } : {}),
      ...(hasMounts ? { mountDigest: undefined } : {}),
    },
    platforms,
    located,
    existence,
    local: spec?.mounts,
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
