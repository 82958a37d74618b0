import * as pulumi from "@pulumi/pulumi";
import type { Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { handledMounts, pushedMounts } from "./image-mounts";
import { toOutput } from "./later";
import { rememberMounts, type ImageMounts, type PushedMounts } from "./mount-source";
import { IMAGE_TYPE, planImage, type BuiltImageArgs, type ImagePlan } from "./plan-image";
import { imageProviderText } from "./provider-text";
import { inRegion, type RegionalImage } from "./regional-image";

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

/** No private field: beside one, TypeScript lets nothing stand around `super`. */
const plans = new WeakMap<BuiltImage, ImagePlan>();

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
  declare readonly ref: pulumi.Output<string>;
  /** What a stack exports for another one. */
  declare readonly handle: pulumi.Output<ImageHandle>;

  /** @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE */
  constructor(name: string, args: BuiltImageArgs, opts?: pulumi.CustomResourceOptions) {
    const call: Call = { text: `new BuiltImage(${JSON.stringify(name)}, …)`, callSite: readCallSite(BuiltImage) };
    const plan = planImage(call, name, args, opts);
    const props = { ...plan.outputs, ...plan.inputs, __provider: imageProviderText };
    const { stackTraceLimit } = Error;
    // Pulumi keeps a stack trace with each promise of each property, for leaks (runtime/debuggable.ts): a fifth of what a
    // preview of hundreds of images takes.
    Error.stackTraceLimit = 0;
    try {
      // An inherited `protect` would only block a new hash: deleting an image's resource removes nothing.
      super(IMAGE_TYPE, name, props, { ...opts, protect: opts?.protect ?? false });
    } catch (error) {
      Error.stackTraceLimit = stackTraceLimit;
      if (error instanceof Error) Error.captureStackTrace(error, BuiltImage);
      throw error;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    plans.set(this, plan);
    defineLazily(this, "platforms", () => pulumi.output(plan.platforms));
    if (!("regions" in plan.outputs)) defineLazily(this, "regions", () => pulumi.output(undefined));
    if (!("mountDigest" in plan.outputs)) defineLazily(this, "mountDigest", () => pulumi.output(undefined));
    const { platformDigests } = this;
    // The state of an image for one platform says its digest once.
    defineLazily(this, "platformDigests", () =>
      pulumi
        .all([platformDigests, this.platforms, this.digest])
        .apply(([known, platforms, digest]) => known ?? Object.fromEntries(platforms.map((name) => [name, digest]))),
    );
    defineLazily(this, "ref", () => makeRef(this, plan));
    // For a WarmPool, which may come from another copy of this package. It waits for the image as its properties do.
    defineHidden(this, "located", () => pulumi.all([this.urn, toOutput(plan.located)]).apply(([, located]) => located));
    let pushed: PushedMounts | undefined;
    const readPushed = (): PushedMounts => (pushed ??= pushedMounts(plan.mounts, this));
    rememberMounts(this, { local: plan.local, pushed: readPushed, onUse: plan.mounts.onUse });
    defineLazily(this, "handle", () => makeHandle(this, readPushed()));
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
    const plan = plans.get(this);
    if (plan === undefined) throw new Error("a BuiltImage without its plan");
    const [located, existence] = [toOutput(plan.located), toOutput(plan.existence)];
    const { urn, hash, digest, handle, regions } = this;
    return inRegion(call, region, { located, existence, urn, hash, digest, handle, regions });
  }
}

function makeRef({ urn, digest }: BuiltImage, plan: ImagePlan): pulumi.Output<string> {
  const repository = toOutput(plan.mounts.repository);
  const built = pulumi.interpolate`${repository}@${digest}`;
  return toOutput(plan.existence).apply((found) =>
    "digest" in found ? pulumi.all([urn, repository]).apply(([, place]) => `${place}@${found.digest}`) : built,
  );
}

function makeHandle(image: BuiltImage, mounts: PushedMounts): pulumi.Output<ImageHandle> {
  return pulumi
    .all([
      image.uri,
      image.ref,
      image.hash,
      image.platforms,
      image.platformDigests,
      image.sizeBytes,
      handledMounts(mounts),
    ])
    .apply(([uri, ref, hash, platforms, platformDigests, sizeBytes, held]) => {
      const handle = { uri, ref, hash, platforms, platformDigests, sizeBytes };
      return held === undefined ? handle : { ...handle, mounts: held };
    });
}

/** A property of an object that is made when somebody reads it first. */
function defineLazily<T extends object, K extends keyof T & string>(object: T, name: K, make: () => T[K]): void {
  defineHidden(object, name, make);
}

/** The same for one that users are not told of. */
function defineHidden<V>(object: object, name: string, make: () => V): void {
  const get = (): V => {
    const value = make();
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    return value;
  };
  Object.defineProperty(object, name, { get, enumerable: true, configurable: true });
}
