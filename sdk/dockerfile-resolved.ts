import { planImport, type ImageConfig, type ImportPlan } from "./dockerfile-plan";
import { parseDockerfile } from "./dockerfile-parser";
import { declaredArgs } from "./dockerfile-reads";
import { readArgs } from "./dockerfile-variables";
import { SlipwayError } from "./error";
import type { Platform } from "./platform";
import { isDockerfileBase, type ResolvedDockerfileBase, type ResolvedSpec } from "./spec";

/** The plan of a Dockerfile whose images are known. */
export function planResolved(base: ResolvedDockerfileBase, platform: Platform): ImportPlan {
  return planImport(base, platform, (key): ImageConfig => ({ env: [], onbuild: base.onbuild?.[key] ?? [] }));
}

/** The names of the build arguments that something in a spec declares by ARG. */
export function argsOfSpec({ base, platform, steps }: ResolvedSpec): ReadonlySet<string> {
  const ofBase = isDockerfileBase(base) ? [...declaredArgs(planResolved(base, platform))] : [];
  const escape = escapeOf(base);
  const ofSteps = steps.flatMap((step) => {
    const parsed = step.kind === "dockerfile" ? parseDockerfile(step.commands.join("\n"), escape) : undefined;
    if (parsed?.kind !== "parsed") return [];
    const args = parsed.instructions.filter(({ keyword }) => keyword === "ARG");
    return args.flatMap((instruction) => readArgs(instruction, escape).map(([name]) => name));
  });
  return new Set([...ofBase, ...ofSteps]);
}

/**
 * The digest of an image that a spec names besides its base.
 *
 * @throws SlipwayError HASH_MISMATCH
 */
export function digestOf(spec: ResolvedSpec, key: string): string {
  const digest = spec.images?.[key];
  if (digest !== undefined) return digest;
  const hint = "ignoreChanges or a transformation took it away; leave the spec as the program gives it.";
  throw new SlipwayError({ code: "HASH_MISMATCH", text: `the spec lacks the digest of ${key}.`, hint });
}

/** The escape character in which what stands on a base is written. */
export function escapeOf(base: string | object): string {
  if (typeof base === "string" || !("text" in base) || typeof base.text !== "string") return "\\";
  const parsed = parseDockerfile(base.text);
  return parsed.kind === "parsed" ? parsed.escape : "\\";
}
