import { diffSpecs } from "../sdk/diff";
import type { Existence } from "./existence";
import type { PrefixPlan } from "./prefix";
import type { RunFacts } from "./run";
import { specsOf, type ImageInputs } from "./state";

/**
 * What an update will do with an image that is new, or has another hash than before: one line.
 *
 * @param formatBefore the format in the state, which tells of an image that another version of Slipway wrote.
 */
export function explainNew(
  before: ImageInputs | undefined,
  after: ImageInputs,
  run: (Pick<RunFacts, "existence" | "isLocked" | "prefixes"> & Partial<Pick<RunFacts, "builder">>) | undefined,
  formatBefore?: unknown,
): string {
  const why =
    before === undefined
      ? reasonOfFormat(formatBefore, after)
      : reasonOf(before, after, run?.isLocked === false ? PIN_HINT : "");
  switch (run?.existence.kind) {
    case "stored":
      return `${why.text}; exists, nothing to build${run.builder?.compression === undefined ? "" : AS_STORED}`;
    case "elsewhere":
      return `${why.text}; ${describeCopy(run.existence)}, nothing to build`;
    case "missing":
      return `${buildsFrom(why.firstStep, after, run.prefixes)}: ${why.text}`;
    case "unknown":
      return `${why.text}; whether it exists is unknown: ${run.existence.cause}`;
    case undefined:
      return `${why.text}; whether it exists is unknown`;
  }
}

/** Where an image is and where it will be. */
export function describeCopy({ from, lacking }: Extract<Existence, { kind: "elsewhere" }>): string {
  return `exists in ${from}, will be copied to ${lacking.join(", ")}`;
}

/**
 * What is built: behind the stored steps, if there are such; else from the first that is new, as far as the builder has
 * the others in its cache, which nobody knows before.
 */
function buildsFrom(firstStep: number, { base, steps }: ImageInputs, prefixes: PrefixPlan | undefined): string {
  const { stored = 0, shared } = prefixes ?? {};
  const sharing =
    shared === undefined || shared.steps <= stored
      ? ""
      : `, ${nameSteps(shared.steps)} once for ${shared.images} images`;
  if (stored > 0 && stored + 1 >= firstStep) {
    return `builds from step ${stored + 1} of ${steps.length}, ${nameSteps(stored)} stored${sharing}`;
  }
  if (firstStep > steps.length) return `builds without new steps${sharing}`;
  if (firstStep > 0) return `builds from step ${firstStep} of ${steps.length}${sharing}`;
  const counted = steps.length === 1 ? "1 step" : `${steps.length} steps`;
  if (!("text" in base)) return `builds from the base, ${counted}${sharing}`;
  return steps.length === 0 ? `builds ${base.source}` : `builds ${base.source} and ${counted}`;
}

function nameSteps(count: number): string {
  return count === 1 ? "step 1" : `steps 1 to ${count}`;
}

/** How it is compressed is not asked for: that would be one more request for each image. */
const AS_STORED = " (stored as it is; compression counts for new hashes)";
const PIN_HINT = "; pin it with slipway lock";
const NEW = { firstStep: 0, text: "new image" } as const;

function reasonOfFormat(
  before: unknown,
  { format }: ImageInputs,
): { readonly firstStep: number; readonly text: string } {
  if (typeof before !== "string" || before === format) return NEW;
  return { firstStep: 0, text: `format ${before} → ${format}, with another version of Slipway` };
}

/** @param pinHint what to say of a base that moved. */
function reasonOf(
  before: ImageInputs,
  after: ImageInputs,
  pinHint: string,
): { readonly firstStep: number; readonly text: string } {
  if (before.platforms.join() !== after.platforms.join()) {
    return { firstStep: 0, text: `platforms ${before.platforms.join(", ")} → ${after.platforms.join(", ")}` };
  }
  if (before.hash === after.hash)
    return { firstStep: 0, text: `repository ${before.repository} → ${after.repository}` };
  const now = specsOf(after);
  const diffs = specsOf(before).flatMap((spec, index) => {
    const other = now[index];
    const diff = other === undefined ? undefined : diffSpecs(spec, other);
    return diff === undefined ? [] : [diff];
  });
  const [diff] = diffs;
  if (diff === undefined) return NEW;
  // One of a Dockerfile's images may have moved as well as the base, and one that dockerfileCommands name.
  const hasMoved = diff.reasons.some((reason) => / moved sha256:/.test(reason));
  return { firstStep: diff.firstStep, text: `${diff.reasons.join("; ")}${hasMoved ? pinHint : ""}` };
}
