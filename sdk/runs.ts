import { parseDockerfile } from "./dockerfile-parser";
import { escapeOf, planResolved } from "./dockerfile-resolved";
import type { Platform } from "./platform";
import { isDockerfileBase, orderSteps, type ResolvedSpec, type ResolvedStep } from "./spec";

/** Something that a build executes. */
export interface Run {
  /** What has to be able to execute it. */
  readonly platform: Platform;
  /** Its step's number in emitted order, from 1; 0 where an imported Dockerfile runs it. */
  readonly number: number;
  /** None where an imported Dockerfile runs it. */
  readonly step?: ResolvedStep;
}

/** What the build of a spec executes, in order; settings and copies need no machine of their platform. */
export function runsOf(spec: ResolvedSpec): readonly Run[] {
  const { base, platform } = spec;
  const escape = escapeOf(base);
  const ofSteps = orderSteps(spec.steps).flatMap((step, index): readonly Run[] =>
    executes(step, escape) ? [{ platform, number: index + 1, step }] : [],
  );
  if (!isDockerfileBase(base)) return ofSteps;
  const needed = planResolved(base, platform).needed.filter(({ instructions }) =>
    instructions.some(({ keyword }) => keyword === "RUN"),
  );
  const ofBase = needed.flatMap((stage): readonly Run[] =>
    // What runs on the builder's own platform runs on every builder.
    stage.platform === "builder" ? [] : [{ platform: stage.platform, number: 0 }],
  );
  return [...ofBase, ...ofSteps];
}

function executes(step: ResolvedStep, escape: string): boolean {
  switch (step.kind) {
    case "pip":
    case "pipRequirements":
    case "apt":
    case "run":
      return true;
    case "dockerfile": {
      const parsed = parseDockerfile(step.commands.join("\n"), escape);
      return parsed.kind === "broken" || parsed.instructions.some(({ keyword }) => keyword === "RUN");
    }
    // BuildKit makes the folder of a WORKDIR itself.
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
