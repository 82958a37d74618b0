import * as pulumi from "@pulumi/pulumi";
import { checkOptions, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { renderDockerfile } from "../sdk/dockerfile";
import type { Image } from "../sdk/image";
import { DEFAULT_PLATFORM, type Platform } from "../sdk/platform";
import type { ResolvedSpec } from "../sdk/spec";
import { DEFAULT_COMPRESSION } from "./builder-choice";
import { checkImage, checkPlatforms, refuseSecret, withLine } from "./plan-image";
import { dockerCredentials } from "./credentials";
import { programOf, readConfig, type Program } from "./pulumi-program";
import { findNames } from "./publish";
import { Registries } from "./registries";
import { readRepository, type Repository } from "./repository";
import { resourceLog } from "./resource-log";
import { hintConfig, readSecrets } from "./secret-store";
import type { StagedContext } from "./stage-context";

export interface DockerBuildOptions {
  /** Where the image is pushed. Default: the setting `slipway:repository`, `SLIPWAY_REPOSITORY`, `localhost:5000/images`. */
  readonly repository?: Repository | pulumi.Input<string>;
  /** One; a Dockerfile names its base by the digest of one platform. Default `"linux/amd64"`, never the host's. */
  readonly platform?: string;
}

/** What `@pulumi/docker-build` has a name for. */
export type DockerBuildPlatform = Exclude<Platform, "linux/arm/v7" | "linux/arm/v6">;

/** Arguments for the Image of `@pulumi/docker-build`. */
export interface DockerBuildArgs {
  readonly context: pulumi.Output<{ location: string; named: Record<string, { location: string }> }>;
  readonly dockerfile: pulumi.Output<{ location: string }>;
  readonly target: pulumi.Output<string | undefined>;
  readonly buildArgs: pulumi.Output<Record<string, string>>;
  /** Values, secret ones: that resource keeps them in its state, encrypted. Empty, not undefined: it wraps what it gets. */
  readonly secrets: pulumi.Output<Record<string, string>>;
  readonly platforms: DockerBuildPlatform[];
  readonly exports: { raw: string }[];
  /** `<repository>:<hash>`, known at preview. */
  readonly tags: pulumi.Output<string[]>;
  /** `false`: it would push with that resource's own exporter, beside `exports`. */
  readonly push: boolean;
  readonly buildOnPreview: boolean;
}

/** What the Image of `@pulumi/docker-build` takes. */
export interface DockerBuild {
  readonly args: DockerBuildArgs;
  readonly opts: pulumi.CustomResourceOptions;
}

/**
 * An Image for those who build with `@pulumi/docker-build` and stay with it: the Dockerfile and the files are put into
 * `node_modules/.cache/slipway`, the same on every machine, and the tag is the content's hash. Whether an image is
 * stored already, that resource does not ask: `BuiltImage` does.
 *
 * @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE
 * @example
 * ```ts
 * const { args, opts } = toDockerBuild(Image.debianSlim("3.11").pipInstall(["requests"]));
 * // new dockerBuild.Image("api", args, opts) gives the resource.
 * ```
 */
export function toDockerBuild(image: pulumi.Input<Image>, options: DockerBuildOptions = {}): DockerBuild {
  const call: Call = { text: "toDockerBuild(…)", callSite: readCallSite(toDockerBuild) };
  checkOptions(call, options, ["repository", "platform"]);
  const platform = readPlatform(call, options.platform);
  if (!pulumi.Output.isInstance(image) && !(image instanceof Promise)) checkImage(call, image);
  const program = programOf();
  const repository = readRepository(call, options.repository ?? program.defaultRepository());
  const log = resourceLog("");
  const wrong = (error: unknown): void => log.error(withLine(call, error));
  const report = { info: log.info, status: log.status, wrong };
  const given = pulumi.output(image);
  const staged = given.apply(async (plain) => {
    const value = checkImage(call, plain);
    await program.watch(refuseSecret(call, given), wrong);
    const { specs, hash } = await program.resolve(value, [platform], report);
    const [spec] = specs;
    if (spec === undefined) throw fail(call, "there is no platform.", "");
    const work = Promise.all([stage(program, spec, value, report), readValues(program, value)]);
    const [context, secrets] = await program.watch(work, wrong);
    return { ...context, hash, secrets };
  });
  const located = pulumi.output(repository).apply((plain) => program.watch(program.locate(plain), wrong));
  return {
    args: {
      context: staged.apply(({ context, named }) => ({
        location: context,
        named: Object.fromEntries(Object.entries(named).map(([name, location]) => [name, { location }])),
      })),
      dockerfile: staged.apply(({ dockerfile }) => ({ location: dockerfile })),
      target: staged.apply(({ target }) => target),
      buildArgs: staged.apply(({ buildArgs }) => ({ ...buildArgs })),
      secrets: staged.apply(({ secrets }) => pulumi.secret(secrets)),
      platforms: [platform],
      exports: [{ raw: `${EXPORT},compression=${program.settings.compression ?? DEFAULT_COMPRESSION}` }],
      tags: pulumi.all([located, staged]).apply(([place, { hash }]) => [`${place.repository}:${hash}`]),
      push: false,
      buildOnPreview: false,
    },
    // Deleting that resource, or replacing it, deletes the digest, which others may run.
    opts: { retainOnDelete: true },
  };
}

/** As our own builds push, but by the tag. */
const EXPORT = "type=image,push=true,store=false,oci-mediatypes=true,rewrite-timestamp=true";

function readPlatform(call: Call, given: string | undefined): DockerBuildPlatform {
  const [platform = DEFAULT_PLATFORM] = checkPlatforms(call, given === undefined ? undefined : [given]);
  if (platform !== "linux/arm/v7" && platform !== "linux/arm/v6") return platform;
  throw fail(call, `@pulumi/docker-build has no platform ${platform}.`, "Build it with BuiltImage.");
}

async function stage(
  program: Program,
  spec: ResolvedSpec,
  { callSites, baseCallSite }: Image,
  report: { readonly info: (text: string) => void; readonly status: (text: string) => void },
): Promise<StagedContext> {
  // Most programs stage nothing.
  const { describeStaged, stageContext } = await import("./stage-context.js");
  // In a unit test nothing is built.
  if (program.isMocked) return describeStaged(spec, renderDockerfile(spec));
  const registry = new Registries(dockerCredentials(process.env)).oci();
  const names = await findNames(registry, { mirrors: program.settings.mirrors }, spec);
  return stageContext({ spec, folder: program.images.folder, callSites, baseCallSite, names, report });
}

async function readValues(program: Program, image: Image): Promise<Record<string, string>> {
  if (program.isMocked) return {};
  const places = { folder: program.images.folder, env: process.env, readConfig, hintConfig };
  const found = readSecrets(image.spec, image.callSites, places, image.baseCallSite);
  return Object.fromEntries(found.map(({ id, value }) => [id, value]));
}
