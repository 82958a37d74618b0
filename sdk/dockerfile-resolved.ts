import { planImport, type ImageConfig, type ImportPlan } from "./dockerfile-plan";
import { parseDockerfile } from "./dockerfile-parser";
import { SlipwayError } from "./error";
import type { Platform } from "./platform";
import type { ResolvedDockerfileBase, ResolvedSpec } from "./spec";

/** The plan of a Dockerfile whose images are known. */
export function planResolved(base: ResolvedDockerfileBase, platform: Platform): ImportPlan {
  return planImport(base, platform, (key): ImageConfig => ({ env: [], onbuild: base.onbuild?.[key] ?? [] }));
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
