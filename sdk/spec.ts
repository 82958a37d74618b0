import type { ContextRead } from "./dockerfile-reads";
import type { Platform } from "./platform";
import type { Secret } from "./secret";
import { isSourceStep, type Mount, type PipRequirementsStep, type SourceStep, type Step } from "./step";

/** The version of the hash and of what the steps emit; another one rebuilds every image. */
export const FORMAT = "image/v2";

/** What an {@link Image} says: plain, frozen JSON that names its base and its files. */
export interface ImageSpec {
  readonly format: typeof FORMAT;
  /** The base's canonical reference, for example `docker.io/library/python:3.11-slim-bookworm`; or a Dockerfile. */
  readonly base: string | DockerfileBase;
  readonly steps: readonly Step[];
  /** What the container gets when it starts, in the order given: no part of the image, nor of its hash. */
  readonly mounts: readonly Mount[];
}

/** A mount whose files are known by their tree hash (64 hex digits). */
export type ResolvedMount = Mount & { readonly tree: string };

/** A Dockerfile, on whose target the steps stand. */
export interface DockerfileBase {
  readonly kind: "dockerfile";
  /** The file and its context, relative to the program's folder, `/`-separated. */
  readonly source: string;
  readonly context: string;
  readonly text: string;
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What its `RUN --mount=type=secret` may name by id. No part of the hash: the ids are in its text. */
  readonly secrets?: readonly Secret[];
}

/** A base image by digest. */
export interface ResolvedImageBase {
  readonly reference: string;
  /** The manifest's digest for the platform, never the index's. */
  readonly digest: string;
}

/** A Dockerfile for one platform, with what it reads. */
export interface ResolvedDockerfileBase extends DockerfileBase {
  /** The triggers of the images that have some, by the images' keys. */
  readonly onbuild?: Readonly<Record<string, readonly string[]>>;
  readonly reads: readonly ContextRead[];
  /** The tree hash of what they find in the context. */
  readonly tree: string;
}

export type ResolvedBase = ResolvedImageBase | ResolvedDockerfileBase;

/** A step whose local files are known by their tree hash (64 hex digits). */
export type ResolvedStep =
  | Exclude<Step, SourceStep>
  | (Exclude<SourceStep, PipRequirementsStep> & { readonly tree: string })
  | (PipRequirementsStep & {
      readonly tree: string;
      /** The requirements file's path in the tree. */
      readonly entry: string;
    });

/** A spec for one platform in which every reference is a digest and every path a tree hash. */
export interface ResolvedSpec {
  readonly format: typeof FORMAT;
  readonly platform: Platform;
  readonly base: ResolvedBase;
  /** The digests of the images that a Dockerfile or `dockerfileCommands` name, by key; left out where there are none. */
  readonly images?: Readonly<Record<string, string>>;
  readonly steps: readonly ResolvedStep[];
}

/** Whether a base is a Dockerfile. */
export function isDockerfileBase<D extends DockerfileBase>(base: string | ResolvedImageBase | D): base is D {
  return typeof base === "object" && "kind" in base;
}

/**
 * The steps in the order in which they are emitted and hashed: after the last one that runs something, settings come
 * first and copies last. So the image without its last copies is a prefix of its own, and a change of code needs no
 * root file system.
 */
export function orderSteps<S extends Step>(steps: readonly S[]): readonly S[] {
  const lastRun = steps.findLastIndex((step) => runsSomething(step));
  const tail = steps.slice(lastRun + 1);
  return [...steps.slice(0, lastRun + 1), ...tail.filter((step) => !isCopy(step)), ...tail.filter(isCopy)];
}

function isCopy(step: Step): boolean {
  return isSourceStep(step) && !runsSomething(step);
}

function runsSomething(step: Step): boolean {
  switch (step.kind) {
    case "pip":
    case "pipRequirements":
    case "apt":
    case "run":
    // What a Dockerfile line does is its own affair; taking it for a run keeps its place.
    case "dockerfile":
      return true;
    case "workdir":
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
    case "copyFile":
    case "copyDir":
      return false;
  }
}
