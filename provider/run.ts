import * as v from "valibot";
import { builderChoiceSchema, type BuilderChoice } from "./builder-choice";
import type { Existence } from "./existence";
import type { Mirror } from "./mirrors";
import type { BuildChoice } from "./place-image";
import type { PrefixPlan } from "./prefix";

/**
 * What a program tells its provider beside the inputs: facts of this run, which would make a diff where nothing
 * changed. It travels as the hidden input `__run`, which `check` remembers and strips.
 */
export interface RunFacts {
  /** The program's folder, absolute: where the sources of the spec are. */
  readonly folder: string;
  /** For each step, `""` where it is not known. */
  readonly callSites: readonly string[];
  readonly existence: Existence;
  /** Where that was asked. */
  readonly repository: string;
  /** Where the Dockerfile was imported, `""` where there is none or it is not known. */
  readonly baseCallSite?: string | undefined;
  /** Whether the base is pinned by a lock, also by one that this run writes. */
  readonly isLocked: boolean;
  readonly mirrors: readonly Mirror[];
  readonly builder: BuilderChoice;
  /** What to do with an image that is stored nowhere. */
  readonly build: BuildChoice;
  /** Present where it has to be built. */
  readonly prefixes?: PrefixPlan | undefined;
  /** Where the image has mounts. */
  readonly mounts?: MountFacts | undefined;
}

/** What this run knows of an image's mounts. */
export interface MountFacts {
  /** Whether the repository has the image that holds them. */
  readonly existence: Existence;
  /** For each mount, `""` where it is not known. */
  readonly callSites: readonly string[];
}

/** Hidden inputs: Pulumi leaves names that begin with `__` out of the diffs that it shows. */
const RUN_INPUT = "__run";
const URN_INPUT = "__urn";

const regions = v.exactOptional(v.record(v.string(), v.string()));
const existence = v.variant("kind", [
  v.object({ kind: v.literal("stored"), digest: v.string(), regions }),
  v.object({
    kind: v.literal("elsewhere"),
    digest: v.string(),
    from: v.string(),
    lacking: v.array(v.string()),
    regions,
  }),
  v.object({ kind: v.literal("missing") }),
  v.object({ kind: v.literal("unknown"), cause: v.string() }),
]);
const runSchema = v.object({
  folder: v.string(),
  callSites: v.array(v.string()),
  existence,
  repository: v.string(),
  baseCallSite: v.optional(v.string()),
  isLocked: v.boolean(),
  mirrors: v.array(v.object({ registry: v.string(), place: v.string() })),
  builder: builderChoiceSchema,
  build: v.picklist(["auto", "never"]),
  mounts: v.optional(v.object({ existence, callSites: v.array(v.string()) })),
  prefixes: v.optional(
    v.object({
      kept: v.array(v.number()),
      stored: v.number(),
      shared: v.optional(v.object({ steps: v.number(), images: v.number() })),
    }),
  ),
});

type Inputs = Readonly<Record<string, unknown>>;

/** What this run said of each resource; diff, create and update find here what check was told. */
export class RunMemory {
  readonly #facts = new Map<string, RunFacts>();
  readonly #diffed = new Set<string>();

  /** Keeps what a resource's inputs say, and returns the inputs without it. */
  takeFrom(inputs: Inputs): Inputs {
    const { [RUN_INPUT]: run, ...rest } = inputs;
    const parsed = v.safeParse(runSchema, run);
    if (parsed.success) this.#facts.set(urnOf(inputs), parsed.output);
    return rest;
  }

  /** Notes that diff has compared a resource, and so has told what is new. */
  noteDiff(inputs: Inputs): void {
    this.#diffed.add(urnOf(inputs));
  }

  wasDiffed(inputs: Inputs): boolean {
    return this.#diffed.has(urnOf(inputs));
  }

  of(inputs: Inputs): RunFacts | undefined {
    return this.#facts.get(urnOf(inputs));
  }
}

/** The resource's URN, for lines beside it; empty where it is not known. */
export function urnOf(inputs: Inputs | undefined): string {
  const urn = inputs?.[URN_INPUT];
  return typeof urn === "string" ? urn : "";
}
