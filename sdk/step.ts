import type { Secret } from "./secret";

/** How pip packages are installed; see {@link PipStep}. */
export interface PipSettings {
  readonly installer: "pip" | "uv";
  readonly indexUrl?: string;
  readonly extraIndexUrls?: readonly string[];
  readonly findLinks?: readonly string[];
  readonly pre?: boolean;
  readonly extraOptions?: readonly string[];
  /** Sorted by id, never empty. */
  readonly secrets?: readonly Secret[];
}

export interface PipStep extends PipSettings {
  readonly kind: "pip";
  readonly packages: readonly string[];
}

export interface PipRequirementsStep extends PipSettings {
  readonly kind: "pipRequirements";
  /** The requirements file, relative to the program's folder, `/`-separated. */
  readonly source: string;
}

export interface AptStep {
  readonly kind: "apt";
  readonly packages: readonly string[];
}

export interface RunStep {
  readonly kind: "run";
  readonly command: string;
  /** Sorted by id, never empty. */
  readonly secrets?: readonly Secret[];
}

export interface DockerfileStep {
  readonly kind: "dockerfile";
  readonly commands: readonly string[];
}

export interface WorkdirStep {
  readonly kind: "workdir";
  readonly path: string;
}

export interface EnvStep {
  readonly kind: "env";
  readonly variables: Readonly<Record<string, string>>;
}

export interface UserStep {
  readonly kind: "user";
  readonly user: string;
}

export interface EntrypointStep {
  readonly kind: "entrypoint";
  readonly args: readonly string[];
}

export interface CmdStep {
  readonly kind: "cmd";
  readonly args: readonly string[];
}

export interface CopyFileStep {
  readonly kind: "copyFile";
  readonly source: string;
  /** The file's own path in the image. */
  readonly destination: string;
}

export interface CopyDirStep {
  readonly kind: "copyDir";
  readonly source: string;
  /** The folder in the image that receives what the source folder holds. */
  readonly destination: string;
  /** Patterns of a `.dockerignore`: what is not copied. The files count, not how they are chosen. */
  readonly ignore?: readonly string[];
  /** Patterns: what is copied though it is left out by default. */
  readonly include?: readonly string[];
}

/** Everything that an image can contain: one instruction of a spec, plain JSON. */
export type Step =
  | PipStep
  | PipRequirementsStep
  | AptStep
  | RunStep
  | DockerfileStep
  | WorkdirStep
  | EnvStep
  | UserStep
  | EntrypointStep
  | CmdStep
  | CopyFileStep
  | CopyDirStep;

export type StepKind = Step["kind"];

/** A step that reads local files. */
export type SourceStep = PipRequirementsStep | CopyFileStep | CopyDirStep;

/**
 * A local file or folder that is delivered when the container starts: the copy that would bring it, but neither built
 * nor hashed with the image.
 */
export type Mount = CopyFileStep | CopyDirStep;

export function isSourceStep(step: Step): step is SourceStep {
  switch (step.kind) {
    case "pipRequirements":
    case "copyFile":
    case "copyDir":
      return true;
    case "pip":
    case "apt":
    case "run":
    case "dockerfile":
    case "workdir":
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
      return false;
  }
}

/** The secrets that a step has while it runs. */
export function secretsOf(step: Step): readonly Secret[] {
  switch (step.kind) {
    case "pip":
    case "pipRequirements":
    case "run":
      return step.secrets ?? [];
    case "apt":
    case "dockerfile":
    case "workdir":
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
    case "copyFile":
    case "copyDir":
      return [];
  }
}

const stepKinds: Readonly<Record<StepKind, true>> = {
  pip: true,
  pipRequirements: true,
  apt: true,
  run: true,
  dockerfile: true,
  workdir: true,
  env: true,
  user: true,
  entrypoint: true,
  cmd: true,
  copyFile: true,
  copyDir: true,
};

/** Whether this version of Slipway knows the kind; state may have been written by a newer one. */
export function isStepKind(kind: unknown): kind is StepKind {
  return typeof kind === "string" && Object.hasOwn(stepKinds, kind);
}
