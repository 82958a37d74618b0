import { fail, type Call } from "./arguments";
import { anyPlace, renderStep } from "./dockerfile";
import { escapeOf } from "./dockerfile-resolved";
import type { ImageSpec, ResolvedStep } from "./spec";
import type { Step } from "./step";

/** BuildKit reads no longer line of a Dockerfile (bufio.MaxScanTokenSize, its line end included), some of it kept free. */
const LINE_BYTES = 65_000;
/** Linux gives a program no longer argument (MAX_ARG_STRLEN), and a shell gets its command as one. */
const COMMAND_BYTES = 131_000;

const encoder = new TextEncoder();

/**
 * Refuses a step that no builder could build because it is too long.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function checkLengths(call: Call, step: Step, base: ImageSpec["base"]): void {
  const lines = renderStep(withoutTrees(step), [], "c/999", anyPlace(escapeOf(base))).split("\n");
  const longest = lines.reduce((most, line) => Math.max(most, countBytes(line)), 0);
  if (longest > LINE_BYTES) {
    throw fail(
      call,
      `this makes a line of ${longest} bytes, and BuildKit reads Dockerfile lines of up to ${LINE_BYTES}.`,
      "Make several shorter calls, or put it into a file that addLocalFile copies.",
    );
  }
  if (step.kind === "run" && !step.command.startsWith("#!") && countBytes(step.command) > COMMAND_BYTES) {
    throw fail(
      call,
      `a command of ${countBytes(step.command)} bytes is longer than what Linux hands to a shell, ${COMMAND_BYTES}.`,
      'Begin it with "#!/bin/sh", which makes it a file, or copy a script with addLocalFile and run that.',
    );
  }
}

/** What a tree holds is not known yet, and makes no line longer. */
function withoutTrees(step: Step): ResolvedStep {
  switch (step.kind) {
    case "pipRequirements":
      return { ...step, tree: "", entry: step.source };
    case "copyFile":
    case "copyDir":
      return { ...step, tree: "" };
    case "pip":
    case "apt":
    case "run":
    case "dockerfile":
    case "workdir":
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
      return step;
  }
}

function countBytes(text: string): number {
  return encoder.encode(text).length;
}
