import { commandImages } from "./dockerfile-commands";
import { parseDockerfile } from "./dockerfile-parser";
import { pinImages } from "./hash";
import { isLinkSafe } from "./link-safety";
import { isDockerfileBase, orderSteps, type ResolvedSpec, type ResolvedStep } from "./spec";

/** Where an image may be cut in two: the first steps are an image of their own, and the rest is built FROM it. */
export interface PrefixCuts {
  /** The numbers of first steps after which the rest means the same on a FROM, in ascending order. */
  readonly all: readonly number[];
  /** Those that are stored when the image is built, so that the next one need not build them. */
  readonly kept: readonly number[];
  /** Those that may well be stored already, the longest first. */
  readonly likely: readonly number[];
}

/** More would be many requests for little: steps that are so far from the end are seldom what is stored. */
const MAX_LIKELY = 8;

/** The cuts of a spec; an image's platforms have the same ones. None in, or on top of, an imported Dockerfile. */
export function cutsOf(spec: ResolvedSpec): PrefixCuts {
  if (isDockerfileBase(spec.base)) return { all: [], kept: [], likely: [] };
  const steps = orderSteps(spec.steps);
  const facts = steps.map((step, index) => factsOf(step, steps.slice(0, index), spec));
  const all = steps.flatMap((_, index) => (isCuttable(steps, facts, index + 1) ? [index + 1] : []));
  const parts = partsOf(facts);
  const kept = keptOf(facts, parts).filter((count) => all.includes(count));
  const ends = all.filter((count) => facts[count - 1]?.runs === true || count === parts.settings);
  return { all, kept, likely: ends.toReversed().slice(0, MAX_LIKELY) };
}

/** The spec of an image that has just the first steps, in emitted order. */
export function prefixOf(spec: ResolvedSpec, count: number): ResolvedSpec {
  const { images, ...rest } = spec;
  const steps = orderSteps(spec.steps).slice(0, count);
  const named = steps.flatMap((step) => (step.kind === "dockerfile" ? commandImages(step.commands, "\\") : []));
  const own = Object.entries(images ?? {}).filter(([key]) => named.includes(key));
  return { ...rest, ...(own.length === 0 ? {} : { images: Object.fromEntries(own) }), steps };
}

/** Whether some of these steps, from the first number up to the second, need the files of what is below them. */
export function needsRootfs(spec: ResolvedSpec, from: number, to: number): boolean {
  const steps = orderSteps(spec.steps);
  return steps.slice(from, to).some((step, index) => factsOf(step, steps.slice(0, from + index), spec).needsRootfs);
}

interface StepFacts {
  readonly runs: boolean;
  readonly isCopy: boolean;
  /** Whether the builder needs the files of what is below; BuildKit makes the folder of a WORKDIR in them, too. */
  readonly needsRootfs: boolean;
  readonly setsCmd: boolean;
  readonly setsEntrypoint: boolean;
  /** Whether what it leaves behind is in no image's config: an ARG; a trigger would even run. */
  readonly isBound: boolean;
}

const PLAIN: StepFacts = {
  runs: false,
  isCopy: false,
  needsRootfs: false,
  setsCmd: false,
  setsEntrypoint: false,
  isBound: false,
};

function factsOf(step: ResolvedStep, before: readonly ResolvedStep[], spec: ResolvedSpec): StepFacts {
  switch (step.kind) {
    case "pip":
    case "pipRequirements":
    case "apt":
    case "run":
      return { ...PLAIN, runs: true, needsRootfs: true };
    case "dockerfile":
      return factsOfText(step.commands.join("\n"));
    case "workdir":
      return { ...PLAIN, needsRootfs: true };
    case "env":
    case "user":
      return PLAIN;
    case "entrypoint":
      return { ...PLAIN, setsEntrypoint: true };
    case "cmd":
      return { ...PLAIN, setsCmd: true };
    case "copyFile":
    case "copyDir": {
      const hashed = before.map((earlier) => pinImages(earlier, spec));
      return { ...PLAIN, isCopy: true, needsRootfs: !isLinkSafe(step, hashed) };
    }
  }
}

function factsOfText(text: string): StepFacts {
  const parsed = parseDockerfile(text);
  const words = parsed.kind === "parsed" ? parsed.instructions.map(({ keyword }) => keyword) : [];
  const has = (...wanted: readonly string[]): boolean => wanted.some((word) => words.includes(word));
  return {
    runs: true,
    isCopy: false,
    needsRootfs: has("RUN", "COPY", "ADD", "WORKDIR"),
    setsCmd: has("CMD"),
    setsEntrypoint: has("ENTRYPOINT"),
    isBound: parsed.kind === "broken" || has("ARG", "ONBUILD", "FROM"),
  };
}

/**
 * Whether the rest means on a FROM what it means in the same stage. An image given the first steps alone has to emit
 * them in the same order; an ARG ends with its stage; and an ENTRYPOINT clears a CMD that it inherits, but keeps one of
 * its own stage (dockerfile2llb, dispatchEntrypoint).
 */
function isCuttable(steps: readonly ResolvedStep[], facts: readonly StepFacts[], count: number): boolean {
  const first = steps.slice(0, count);
  if (count === steps.length || orderSteps(first).some((step, index) => step !== first[index])) return false;
  if (facts.slice(0, count).some(({ isBound }) => isBound)) return false;
  const hasCmd = facts.slice(0, count).some(({ setsCmd }) => setsCmd);
  return !(hasCmd && facts.slice(count).some(({ setsEntrypoint }) => setsEntrypoint));
}

interface Parts {
  /** Up to the last step that runs something. */
  readonly runs: number;
  /** And the settings behind it: without the last copies. */
  readonly settings: number;
}

function partsOf(facts: readonly StepFacts[]): Parts {
  const runs = facts.findLastIndex((one) => one.runs) + 1;
  const copies = facts.findIndex((one, index) => index >= runs && one.isCopy);
  return { runs, settings: copies < 0 ? facts.length : copies };
}

/**
 * Two at most. What runs, so that one more step that runs builds that alone; and the image without its last copies,
 * where a setting needs files, so that a change of code costs no base.
 */
function keptOf(facts: readonly StepFacts[], { runs, settings }: Parts): readonly number[] {
  const needs = (from: number, to: number): boolean => facts.slice(from, to).some((one) => one.needsRootfs);
  const kept = needs(0, runs) ? [runs] : [];
  return settings < facts.length && needs(runs, settings) ? [...kept, settings] : kept;
}
