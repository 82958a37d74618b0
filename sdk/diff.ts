import { commandImages } from "./dockerfile-commands";
import { diffImports } from "./dockerfile-diff";
import { escapeOf } from "./dockerfile-resolved";
import type { Secret } from "./secret";
import { isDockerfileBase, orderSteps, type ResolvedBase, type ResolvedSpec, type ResolvedStep } from "./spec";
import { secretsOf } from "./step";

/** How one spec differs from another, for people. */
export interface SpecDiff {
  /** The first step that has to be built again: 0 is the base, 1 the first step. */
  readonly firstStep: number;
  /** One reason a line, for example `pip packages: + "rich"`. */
  readonly reasons: readonly string[];
}

/** Compares two resolved specs in the order in which they are built; `undefined` when they are one image. */
export function diffSpecs(before: ResolvedSpec, after: ResolvedSpec): SpecDiff | undefined {
  if (before.format !== after.format) return { firstStep: 0, reasons: [`format ${before.format} → ${after.format}`] };
  if (before.platform !== after.platform)
    return { firstStep: 0, reasons: [`platform ${before.platform} → ${after.platform}`] };
  const base = diffBases(before, after);
  if (base !== undefined) return { firstStep: 0, reasons: [base] };
  const old = orderSteps(before.steps);
  const now = orderSteps(after.steps);
  const first = firstDifference(old, now);
  if (first === undefined) return diffStepImages(before, after);
  const was = old[first];
  const is = now[first];
  return { firstStep: first + 1, reasons: [describeChange(was, is, old.slice(first + 1), now.slice(first + 1))] };
}

function firstDifference(old: readonly ResolvedStep[], now: readonly ResolvedStep[]): number | undefined {
  const length = Math.max(old.length, now.length);
  for (let index = 0; index < length; index += 1) {
    const was = old[index];
    const is = now[index];
    if (was === undefined || is === undefined || !isSame(identity(was), identity(is))) return index;
  }
  return undefined;
}

function diffBases(before: ResolvedSpec, after: ResolvedSpec): string | undefined {
  const was = before.base;
  const is = after.base;
  if (isDockerfileBase(was) && isDockerfileBase(is)) {
    return diffImports({ ...before, base: was }, { ...after, base: is }) ?? diffImages(before, after)?.text;
  }
  if (isDockerfileBase(was) || isDockerfileBase(is)) return `base ${nameBase(was)} → ${nameBase(is)}`;
  if (was.digest === is.digest) return undefined;
  if (was.reference !== is.reference) return `base ${nameBase(was)} → ${nameBase(is)}`;
  return `base ${is.reference} moved ${shorten(was.digest)} → ${shorten(is.digest)}`;
}

function nameBase(base: ResolvedBase): string {
  return isDockerfileBase(base) ? base.source : shortenReference(base.reference);
}

/** The first image that is named beside the base and moved. */
function diffImages(
  before: ResolvedSpec,
  after: ResolvedSpec,
): { readonly key: string; readonly text: string } | undefined {
  const moved = Object.entries(after.images ?? {}).find(([key, digest]) => (before.images?.[key] ?? digest) !== digest);
  if (moved === undefined) return undefined;
  const [key, digest] = moved;
  return { key, text: `base ${key} moved ${shorten(before.images?.[key] ?? "")} → ${shorten(digest)}` };
}

/** Steps are alike, but an image that one of them copies from is not. */
function diffStepImages(before: ResolvedSpec, after: ResolvedSpec): SpecDiff | undefined {
  const moved = diffImages(before, after);
  if (moved === undefined) return undefined;
  const uses = (step: ResolvedStep): boolean =>
    step.kind === "dockerfile" && commandImages(step.commands, escapeOf(after.base)).includes(moved.key);
  return { firstStep: orderSteps(after.steps).findIndex(uses) + 1, reasons: [moved.text] };
}

function describeChange(
  was: ResolvedStep | undefined,
  is: ResolvedStep | undefined,
  oldRest: readonly ResolvedStep[],
  nowRest: readonly ResolvedStep[],
): string {
  if (was === undefined) return `+ ${is === undefined ? "" : describeStep(is)}`;
  if (is === undefined) return `- ${describeStep(was)}`;
  // A step that comes again further down was moved by one that is new before it, or gone.
  const isLater = (step: ResolvedStep, rest: readonly ResolvedStep[]): boolean =>
    rest.some((other) => isSame(identity(other), identity(step)));
  if (isLater(was, nowRest)) return `+ ${describeStep(is)}`;
  if (isLater(is, oldRest)) return `- ${describeStep(was)}`;
  if (was.kind !== is.kind) return `${describeStep(was)} → ${describeStep(is)}`;
  const fields = Object.entries(identity(is)).filter(([name, value]) => !isSame(identity(was)[name], value));
  const gone = Object.keys(identity(was)).filter((name) => !(name in identity(is)));
  const changes = fields.map(([name, value]) => describeField(name, identity(was)[name], value));
  return `${title(is)} ${[...changes, ...gone.map((name) => `- ${name}`)].join("; ")}`;
}

function describeField(name: string, was: unknown, is: unknown): string {
  if (name === "tree") return "files changed";
  if (Array.isArray(was) && Array.isArray(is)) {
    const added = is
      .filter((value: unknown) => !was.includes(value))
      .map((value: unknown) => `+ ${JSON.stringify(value)}`);
    const removed = was
      .filter((value: unknown) => !is.includes(value))
      .map((value: unknown) => `- ${JSON.stringify(value)}`);
    return `${name}: ${[...removed, ...added].join(" ") || "another order"}`;
  }
  if (name === "variables" && isRecord(was) && isRecord(is)) {
    const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
    const changed = names.filter((key) => was[key] !== is[key]);
    return changed.map((key) => `${key in was ? (key in is ? "~" : "-") : "+"} ${key}`).join(" ");
  }
  return `${name}: ${JSON.stringify(was)} → ${JSON.stringify(is)}`;
}

/** A step as one line for people. */
export function describeStep(step: ResolvedStep): string {
  return describeWhole(step).split("\n")[0] ?? "";
}

function describeWhole(step: ResolvedStep): string {
  switch (step.kind) {
    case "pip":
    case "apt":
      return `${title(step)} ${step.packages.join(" ")}`;
    case "pipRequirements":
      return `${title(step)} ${step.source}`;
    case "run":
      return `${title(step)} ${step.command}`;
    case "dockerfile":
      return `${title(step)} ${step.commands[0] ?? ""}`;
    case "workdir":
      return `${title(step)} ${step.path}`;
    case "env":
      return `${title(step)} ${Object.keys(step.variables).sort().join(" ")}`;
    case "user":
      return `${title(step)} ${step.user}`;
    case "entrypoint":
    case "cmd":
      return `${title(step)} ${step.args.join(" ")}`;
    case "copyFile":
    case "copyDir":
      return `${title(step)} ${step.source} → ${step.destination}`;
  }
}

function title(step: ResolvedStep): string {
  switch (step.kind) {
    case "pip":
      return "pipInstall";
    case "pipRequirements":
      return "pipInstallFromRequirements";
    case "apt":
      return "aptInstall";
    case "run":
      return "runCommands";
    case "dockerfile":
      return "dockerfileCommands";
    case "copyFile":
      return "addLocalFile";
    case "copyDir":
      return "addLocalDir";
    case "workdir":
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
      return step.kind;
  }
}

/** What says which files are meant, where their tree counts; of a secret its source does not count. */
const UNCOUNTED: readonly string[] = ["source", "ignore", "include", "secrets"];

/** What of a step counts. */
function identity(step: ResolvedStep): Readonly<Record<string, unknown>> {
  const counted = Object.entries(step).filter(([name]) => !UNCOUNTED.includes(name));
  const secrets = secretsOf(step).map(describeSecret);
  return Object.fromEntries([...counted, ...(secrets.length === 0 ? [] : [["secrets", secrets]])]);
}

function describeSecret({ id, env, version }: Secret): string {
  const place = env === undefined || env === id ? id : `${id} as ${env}`;
  return version === undefined ? place : `${place}, version ${version}`;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(sortKeys(a)) === JSON.stringify(sortKeys(b));
}

function sortKeys(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shorten(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

function shortenReference(reference: string): string {
  const at = reference.indexOf("@");
  return at < 0 ? reference : `${reference.slice(0, at)}@${shorten(reference.slice(at + 1))}`;
}
