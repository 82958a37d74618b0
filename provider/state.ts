import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import { hashImage } from "../sdk/hash";
import { platforms, type Platform } from "../sdk/platform";
import { FORMAT, type ResolvedMount, type ResolvedSpec, type ResolvedStep } from "../sdk/spec";
import { isStepKind } from "../sdk/step";
import { locatedEntries, type LocatedEcr } from "./located";
import { baseFor, storedBaseSchema, type StoredBase } from "./stored-base";

/** What Pulumi sends in the place of a value that is not known yet (runtime/rpc.ts, unknownValue). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What the hash is of. */
export interface ImageSpec {
  readonly format: typeof FORMAT;
  readonly platforms: readonly Platform[];
  readonly base: StoredBase;
  /** For each platform, the digests of the other images that are named, by key; left out where there are none. */
  readonly images?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  readonly steps: readonly ResolvedStep[];
}

/**
 * An image as Pulumi's state keeps it ({@link ImageProps}): readable, without file bytes, absolute paths or credentials.
 * The resource's inputs are made of these; its outputs are the same and {@link ImageOutputs}.
 */
export interface ImageInputs extends ImageSpec {
  readonly hash: string;
  readonly uri: string;
  readonly repository: string;
  /** Present where the repository's host is asked by plain HTTP though it is another machine. */
  readonly insecure?: true | undefined;
  /** Present where the repository is one of ECR's: how it is asked, and where else the image is to be. */
  readonly ecr?: LocatedEcr | undefined;
  /** What containers get when they start, no part of the hash; left out where there is nothing. */
  readonly mounts?: readonly ResolvedMount[] | undefined;
}

/**
 * The inputs as Pulumi has them, which converts and logs each name of each property several times in each preview
 * (bench/README.md). So the spec is one JSON text, whose parts Pulumi's diff shows as it shows properties, and the
 * repository is what `uri` has before the hash.
 */
export type ImageProps = Omit<ImageInputs, keyof ImageSpec | "repository"> & { readonly spec: string };

/** What only the repository knows. */
export interface ImageOutputs {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly reused: boolean;
  /** Platform → digest of its manifest, where the image is an index. */
  readonly platformDigests?: Readonly<Record<string, string>> | undefined;
  /** Region → digest, where there is more than one. */
  readonly regions?: Readonly<Record<string, string>> | undefined;
  /** Of the image that holds the mounts; left out where there are none. */
  readonly mountDigest?: string | undefined;
}

const inputsSchema = v.looseObject({
  hash: v.string(),
  uri: v.string(),
  ...locatedEntries,
  format: v.literal(FORMAT),
  platforms: v.array(v.picklist(platforms)),
  base: storedBaseSchema,
  images: v.optional(v.record(v.string(), v.record(v.string(), v.string()))),
  steps: v.array(v.custom<ResolvedStep>(isResolvedStep)),
  mounts: v.optional(v.array(v.custom<ResolvedMount>(isMount))),
});
const specSchema = v.pipe(v.string(), v.parseJson(), v.looseObject({}));
const outputsSchema = v.looseObject({
  digest: v.string(),
  sizeBytes: v.number(),
  reused: v.optional(v.boolean(), false),
  platformDigests: v.optional(v.record(v.string(), v.string())),
  regions: v.optional(v.record(v.string(), v.string())),
  mountDigest: v.optional(v.string()),
});

export function writeSpec({ format, platforms, base, images, steps }: ImageSpec): string {
  return JSON.stringify({ format, platforms, base, images, steps });
}

/** The inputs of an image; `undefined` while some of them are not known, or when another version wrote them. */
export function readInputs(props: unknown): ImageInputs | undefined {
  const parsed = v.safeParse(inputsSchema, asInputs(props));
  return parsed.success && !isUnknown(props) ? parsed.output : undefined;
}

/** The format that a state was written in, also by another version of Slipway. */
export function readFormat(props: unknown): unknown {
  const inputs = asInputs(props);
  return typeof inputs === "object" && inputs !== null && "format" in inputs ? inputs.format : undefined;
}

/** States of before have some parts as properties, or all. */
function asInputs(props: unknown): unknown {
  if (typeof props !== "object" || props === null || !("spec" in props)) return props;
  const spec = v.safeParse(specSchema, props.spec);
  if (!spec.success) return undefined;
  return { repository: "uri" in props ? repositoryOf(props.uri) : undefined, ...props, ...spec.output };
}

/** What an image's `uri` has before its hash. */
export function repositoryOf(uri: unknown): string | undefined {
  return typeof uri === "string" && uri !== UNKNOWN ? uri.slice(0, uri.lastIndexOf(":")) : undefined;
}

/** What the repository knew of an image when its state was written. */
export function readOutputs(props: unknown): ImageOutputs | undefined {
  const parsed = v.safeParse(outputsSchema, props);
  return parsed.success ? parsed.output : undefined;
}

/** Whether a value, or a part of it, is not known yet. */
export function isUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(isUnknown);
}

/** The specs that the inputs describe, one for each platform. */
export function specsOf(
  inputs: Pick<ImageInputs, "format" | "platforms" | "base" | "images" | "steps">,
): readonly ResolvedSpec[] {
  return inputs.platforms.map((platform) => {
    const images = inputs.images?.[platform];
    const base = baseFor(inputs.base, platform);
    return { format: inputs.format, platform, base, ...(images === undefined ? {} : { images }), steps: inputs.steps };
  });
}

/**
 * Computes the hash of the spec anew: `ignoreChanges` or a transformation must not pair one image's hash with another
 * one's spec.
 *
 * @throws SlipwayError HASH_MISMATCH
 */
export function checkHash(inputs: ImageInputs): void {
  const actual = hashImage(specsOf(inputs));
  const uri = `${inputs.repository}:${actual}`;
  if (actual === inputs.hash && uri === inputs.uri) return;
  throw mismatch(`the hash ${inputs.hash} is not that of the spec beside it, which is ${actual}`);
}

/** What is wrong with an image's place: what the program asked of one repository says nothing of another. */
export function findMisplaced(uri: unknown, repository: string): SlipwayError | undefined {
  const place = repositoryOf(uri);
  if (place === undefined || place === repository) return undefined;
  return mismatch(`the uri is one of ${place}, and the program's repository is ${repository}`);
}

function mismatch(text: string): SlipwayError {
  return new SlipwayError({
    code: "HASH_MISMATCH",
    text: `${text}.`,
    hint: "ignoreChanges or a transformation changed one of them alone; leave both as the program gives them.",
  });
}

function isResolvedStep(value: unknown): boolean {
  return typeof value === "object" && value !== null && "kind" in value && isStepKind(value.kind);
}

function isMount(value: unknown): boolean {
  return typeof value === "object" && value !== null && "tree" in value && "destination" in value && "source" in value;
}
