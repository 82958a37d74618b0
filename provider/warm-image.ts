import * as pulumi from "@pulumi/pulumi";
import * as v from "valibot";
import { fail, type Call } from "../sdk/arguments";
import { describeError, type SlipwayError } from "../sdk/error";
import { Image } from "../sdk/image";
import { parseReference } from "../sdk/reference";
import type { BuiltImage, ImageHandle } from "./built-image";
import { locatedEntries, type LocatedRepository } from "./located";
import type { Program } from "./pulumi-program";
import { architectureOf, type ReferenceImage } from "./reference-image";

/** An image for nodes: one that this program builds, one of another stack, or one that somebody else built. */
export type WarmImage = BuiltImage | pulumi.Input<ImageHandle> | Image | pulumi.Input<string>;

/** What is known of an image before anything runs, and what only later. */
export interface ImagePlan {
  /** `<repository>@sha256:…` */
  readonly ref: pulumi.Output<string>;
  /** What tells two contents apart. */
  readonly hash: pulumi.Output<string>;
  /** Empty where they are not known. */
  readonly architectures: pulumi.Output<readonly string[]>;
  /** Where Slipway put it; `undefined` where somebody else did. */
  readonly repository: pulumi.Output<LocatedRepository> | undefined;
}

/** Reads what was given for an image. */
export function planImage(call: Call, given: unknown, program: Program): ImagePlan {
  if (isBuiltImage(given)) {
    return {
      ref: given.ref,
      hash: given.hash,
      architectures: given.platforms.apply((platforms) => platforms.map(architectureOf)),
      repository: repositoryOf(given),
    };
  }
  if (Image.isImage(given)) return planReference(call, stepless(call, given), program);
  if (typeof given === "string") {
    parseReference(given); // Here the error has the user's line.
    return planReference(call, given, program);
  }
  if (!pulumi.Output.isInstance(given) && !isPromise(given) && !isHandle(given)) throw notAnImage(call);
  return planInput(call, pulumi.output(given), program);
}

/** The key of an image in a list: it stays when the content changes, and names the image for people. */
export function keyOf(given: unknown): string | undefined {
  if (isBuiltImage(given)) {
    const name: unknown = Reflect.get(given, "__name"); // resource.ts: the name that the program gave
    return typeof name === "string" ? name : undefined;
  }
  const reference = Image.isImage(given) ? given.spec.base : given;
  if (typeof reference !== "string") return undefined;
  const { path, tag } = parseReference(reference);
  return tag === undefined ? path : `${path}:${tag}`;
}

/** Recognised by its shape: another copy of Slipway may have made it. */
function isBuiltImage(value: unknown): value is BuiltImage {
  return pulumi.CustomResource.isInstance(value) && "handle" in value && "uri" in value && "hash" in value;
}

function planReference(call: Call, reference: string, program: Program): ImagePlan {
  const found = pulumi.output(findReference(call, reference, program));
  return {
    ref: found.apply(({ ref }) => ref),
    hash: found.apply(({ digest }) => digest.replace("sha256:", "")),
    architectures: found.apply(({ architectures }) => architectures),
    repository: undefined,
  };
}

/** A handle, a reference or an Image that another resource or stack gives. */
function planInput(call: Call, given: pulumi.Output<unknown>, program: Program): ImagePlan {
  const found = given.apply(async (value): Promise<ImageHandle> => {
    if (isHandle(value)) return value;
    const reference = Image.isImage(value) ? stepless(call, value) : value;
    if (typeof reference !== "string") throw notAnImage(call);
    const { ref, digest, architectures } = await findReference(call, reference, program);
    const platforms = architectures.map((name) => `linux/${name}`);
    return { uri: "", ref, hash: digest.replace("sha256:", ""), platforms, sizeBytes: 0 };
  });
  return {
    ref: found.apply(({ ref }) => ref),
    hash: found.apply(({ hash }) => hash),
    architectures: found.apply(({ platforms }) => platforms.map(architectureOf)),
    repository: undefined,
  };
}

/** What cannot be found is told with the user's line; then one error without a stack ends the program. */
async function findReference(call: Call, reference: string, program: Program): Promise<ReferenceImage> {
  const line = call.callSite === undefined ? "" : `\n    at ${call.callSite}`;
  const found = await program.watch(program.findReference(reference), (error) => {
    void pulumi.log.error(`${call.text}: ${describeError(error)}${line}`);
  });
  if (found.unknownBecause !== undefined && !program.isMocked) {
    const text = `it is not known for which architectures ${reference} is, so nodes of all get it: ${found.unknownBecause}`;
    void pulumi.log.warn(`${call.text}: ${text}${line}`);
  }
  return found;
}

function stepless(call: Call, image: Image): string {
  const { base, steps } = image.spec;
  if (typeof base === "string" && steps.length === 0) return base;
  const what = typeof base === "string" ? `the Image on ${base} has steps` : "an Image comes from a Dockerfile";
  throw fail(call, `${what}, so it has to be built first.`, 'Give new BuiltImage("…", { image }) instead.');
}

function isHandle(value: unknown): value is ImageHandle {
  return typeof value === "object" && value !== null && "ref" in value && "hash" in value && "platforms" in value;
}

function isPromise(value: unknown): boolean {
  return value instanceof Promise;
}

function notAnImage(call: Call): SlipwayError {
  return fail(
    call,
    "an image is neither a BuiltImage, nor a handle, a reference, or an Image without steps.",
    'Give a BuiltImage, or a reference such as "python:3.12-slim".',
  );
}

const locatedSchema = v.object(locatedEntries);

/** What a BuiltImage has beside what it declares for users. */
function repositoryOf(image: BuiltImage): pulumi.Output<LocatedRepository> {
  const place: unknown = Reflect.get(image, "located");
  return pulumi.output({ place }).apply((known) => v.parse(locatedSchema, known.place));
}
