import * as v from "valibot";
import { hashImagePrefixes } from "../sdk/hash";
import { cutsOf, prefixOf } from "../sdk/prefix";
import { orderSteps, type ResolvedSpec } from "../sdk/spec";
import { adoptImage } from "./commit";
import type { PublishedImage, PublishRequest } from "./publish";
import type { Registry, RepositoryAddress } from "./registry";

/** Which of an image's first steps are images of their own. */
export interface PrefixPlan {
  /** The numbers of first steps that are built, and kept in the repository, before the image, in ascending order. */
  readonly kept: readonly number[];
  /** How many of the first steps the repository has already; 0: none that is known of. */
  readonly stored: number;
  /** The longest list that other images of the program share, and how many images do. */
  readonly shared?: { readonly steps: number; readonly images: number } | undefined;
}

/** An image of the first steps. */
export interface StoredPrefix {
  readonly steps: number;
  readonly digest: string;
}

/**
 * What an image can be built FROM: the longest of its planned prefixes. One that is to be kept and is not there is built
 * first, itself from what is there below it.
 */
export async function findPrefix(
  registry: Registry,
  request: PublishRequest,
  publish: (part: PublishRequest) => Promise<PublishedImage>,
): Promise<StoredPrefix | undefined> {
  const { specs, repository, signal } = request;
  const plan = request.prefixes ?? (await planAlone(registry, repository, specs, signal));
  const length = specs[0]?.steps.length ?? 0;
  const wanted = [...new Set([...plan.kept, plan.stored])].filter((count) => count > 0 && count < length);
  for (const steps of wanted.sort((a, b) => b - a)) {
    const part = partOf(request, plan, steps);
    const image = plan.kept.includes(steps)
      ? await publish(part)
      : await adoptImage(registry, repository, hashImagePrefixes(part.specs).at(-1) ?? "", signal);
    if (image !== undefined && (await survives(registry, repository, image.digest, signal))) {
      return { steps, digest: image.digest };
    }
  }
  return undefined;
}

/** The plan of an image of which no program tells. */
export async function planAlone(
  registry: Registry,
  repository: RepositoryAddress,
  specs: readonly ResolvedSpec[],
  signal: AbortSignal,
): Promise<PrefixPlan> {
  const [spec] = specs;
  if (spec === undefined) return { kept: [], stored: 0 };
  const { kept, likely } = cutsOf(spec);
  const stored = await findStored(hashImagePrefixes(specs), likely, (hash) =>
    registry.findDigest(repository, hash, signal),
  );
  return { kept, stored };
}

/** The longest of an image's prefixes that a repository has; each is asked for, all at once. */
export async function findStored(
  hashes: readonly string[],
  counts: readonly number[],
  find: (hash: string) => Promise<string | undefined>,
): Promise<number> {
  const has = async (count: number): Promise<number> => ((await find(hashes[count] ?? "")) === undefined ? 0 : count);
  return Math.max(0, ...(await Promise.all(counts.map(has))));
}

function partOf(request: PublishRequest, plan: PrefixPlan, count: number): PublishRequest {
  const [first] = request.specs;
  const ordered = orderSteps(first?.steps ?? []).slice(0, count);
  const callSites = ordered.map((step) => request.callSites[first?.steps.indexOf(step) ?? -1]);
  return {
    ...request,
    specs: request.specs.map((spec) => prefixOf(spec, count)),
    callSites,
    stepCount: request.stepCount ?? first?.steps.length ?? 0,
    prefixes: {
      kept: plan.kept.filter((other) => other < count),
      stored: plan.stored < count ? plan.stored : 0,
    },
  };
}

const manifestSchema = v.object({
  config: v.optional(v.object({ digest: v.string() })),
  manifests: v.optional(v.array(v.object({ digest: v.string() }))),
});
const configSchema = v.object({ history: v.nullish(v.array(v.object({ created_by: v.nullish(v.string()) }))) });

/**
 * Whether steps on a FROM of this image mean what they mean in its own stage. A trigger of the base that declares an ARG
 * has run in that stage, and the ARG ended with it. The history of whoever was built on such a base tells of the trigger.
 */
async function survives(
  registry: Registry,
  repository: RepositoryAddress,
  digest: string,
  signal: AbortSignal,
): Promise<boolean> {
  const read = async (reference: string) =>
    parse(manifestSchema, (await registry.fetchManifest(repository, reference, signal))?.bytes);
  const top = await read(digest);
  const child = top?.manifests?.[0];
  const config = (child === undefined ? top : await read(child.digest))?.config;
  if (config === undefined) return false;
  const { history } = parse(configSchema, await registry.fetchBlob(repository, config.digest, signal)) ?? {};
  return !(history ?? []).some((entry) => /\bONBUILD\s+ARG\b/i.test(entry.created_by ?? ""));
}

function parse<S extends v.GenericSchema>(schema: S, bytes: Buffer | undefined): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), bytes?.toString("utf8"));
  return parsed.success ? parsed.output : undefined;
}
