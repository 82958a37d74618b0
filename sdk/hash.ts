import { createHash } from "node:crypto";
import { renderCommands } from "./dockerfile-commands";
import { declaredArgs } from "./dockerfile-reads";
import { digestOf, escapeOf, planResolved } from "./dockerfile-resolved";
import { countedLines } from "./dockerfile-splice";
import type { Secret } from "./secret";
import { isDockerfileBase, orderSteps, type ResolvedMount, type ResolvedSpec, type ResolvedStep } from "./spec";
import type { PipSettings } from "./step";

/** The hash of a resolved spec: SHA-256 of its array form, 64 lower-case hex digits. docs/hash.md specifies it. */
export function hashSpec(spec: ResolvedSpec): string {
  return sha256(JSON.stringify(arrayForm(spec)));
}

/** The hash of an image for these platforms: its one platform's, or the hash of their sorted hashes. */
export function hashImage(specs: readonly ResolvedSpec[]): string {
  return hashAll(specs.map(hashSpec));
}

function hashAll(all: readonly string[]): string {
  const hashes = [...new Set(all)].sort();
  const [first] = hashes;
  if (first === undefined) throw new Error("an image has at least one platform");
  return hashes.length === 1 ? first : sha256(JSON.stringify(["index/v1", ...hashes]));
}

/**
 * The hashes of the spec's prefixes: element n is the hash of the image that has just the first n steps, in the order
 * in which they are emitted.
 */
export function hashPrefixes(spec: ResolvedSpec): readonly string[] {
  const steps = orderSteps(spec.steps);
  const head = [spec.format, baseForm(spec), spec.platform].map((part) => JSON.stringify(part)).join();
  const forms = new Map(steps.map((step) => [step, JSON.stringify(stepForm(pinImages(step, spec)))]));
  return Array.from({ length: steps.length + 1 }, (_, count) => {
    const own = orderSteps(steps.slice(0, count)).map((step) => forms.get(step));
    return sha256(`[${head},[${own.join()}]]`);
  });
}

/** The hashes of an image's prefixes, as {@link hashPrefixes} counts them, for all of its platforms together. */
export function hashImagePrefixes(specs: readonly ResolvedSpec[]): readonly string[] {
  const all = specs.map(hashPrefixes);
  return (all[0] ?? []).map((_, count) => hashAll(all.flatMap((hashes) => hashes[count] ?? [])));
}

/** The hash of what an image's containers get when they start; it has no part in the image's hash. */
export function hashMounts(mounts: readonly ResolvedMount[]): string {
  return sha256(JSON.stringify(["mounts/v1", ...mounts.map(stepForm)]));
}

type Form = string | boolean | null | readonly Form[];

function arrayForm(spec: ResolvedSpec): Form {
  const steps = orderSteps(spec.steps).map((step) => stepForm(pinImages(step, spec)));
  return [spec.format, baseForm(spec), spec.platform, steps];
}

/** What of a base is hashed: its digest, or what counts of a Dockerfile. */
export function baseForm(spec: ResolvedSpec): Form {
  const { base } = spec;
  if (!isDockerfileBase(base)) return base.digest;
  const plan = planResolved(base, spec.platform);
  const declared = declaredArgs(plan);
  const buildArgs = sortedVariables(base.buildArgs).filter(([name]) => declared.has(name));
  const lines = countedLines(plan, (key) => digestOf(spec, key));
  return ["dockerfile", plan.file.dockerfile.escape, lines, buildArgs, plan.targetName, base.tree];
}

/** A step as it is hashed: the images that it names by digest alone. */
export function pinImages(step: ResolvedStep, spec: ResolvedSpec): ResolvedStep {
  if (step.kind !== "dockerfile") return step;
  return { ...step, commands: renderCommands(step.commands, escapeOf(spec.base), (key) => digestOf(spec, key)) };
}

function stepForm(step: ResolvedStep): Form {
  switch (step.kind) {
    case "pip":
      return ["pip", step.packages, ...pipForm(step)];
    case "pipRequirements":
      return ["pipRequirements", step.tree, step.entry, ...pipForm(step)];
    case "apt":
      return ["apt", step.packages];
    case "run":
      return ["run", step.command, ...secretsForm(step.secrets)];
    case "dockerfile":
      return ["dockerfile", step.commands];
    case "workdir":
      return ["workdir", step.path];
    case "env":
      return ["env", sortedVariables(step.variables)];
    case "user":
      return ["user", step.user];
    case "entrypoint":
      return ["entrypoint", step.args];
    case "cmd":
      return ["cmd", step.args];
    case "copyFile":
      return ["copyFile", step.destination, step.tree];
    case "copyDir":
      return ["copyDir", step.destination, step.tree];
  }
}

function pipForm(pip: PipSettings): readonly Form[] {
  return [
    pip.installer,
    pip.indexUrl ?? null,
    pip.extraIndexUrls ?? [],
    pip.findLinks ?? [],
    pip.pre ?? false,
    pip.extraOptions ?? [],
    ...secretsForm(pip.secrets),
  ];
}

/** Nothing where there are none. Where a value comes from is no identity: it may be another place in CI. */
function secretsForm(secrets: readonly Secret[] = []): readonly Form[] {
  return secrets.length === 0 ? [] : [secrets.map(({ id, env, version }) => [id, env ?? null, version ?? null])];
}

/** The variables of one `env` call, sorted by name: what was written in another order is the same step. */
export function sortedVariables(variables: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
