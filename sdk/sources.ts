import { describeCall } from "./arguments";
import type { CallSite } from "./call-site";
import { describeError, SlipwayError } from "./error";
import { joinPath, listFiles, listTree, type Tree } from "./files";
import { listRequirements } from "./requirements";
import type { SourceStep } from "./step";

/** What a step reads, and for requirements the file's path in that tree. */
export interface Source {
  readonly tree: Tree;
  readonly entry: string | undefined;
}

/**
 * Lists the local files that a step reads.
 *
 * @param folder the program's folder, absolute.
 * @throws SlipwayError LOCAL_PATH, with the step's call site
 */
export function listSource(step: SourceStep, folder: string, callSite?: CallSite): Source {
  try {
    switch (step.kind) {
      case "copyDir":
        return { tree: listTree(joinPath(folder, step.source)), entry: undefined };
      case "copyFile": {
        const name = step.destination.split("/").at(-1) ?? "";
        return { tree: listFiles(new Map([[name, joinPath(folder, step.source)]])), entry: undefined };
      }
      case "pipRequirements":
        return listRequirements(step.source, folder);
    }
  } catch (error) {
    throw atStep(step, error, callSite);
  }
}

/** What was wrong with a step's local files, at its line. */
export function atStep(step: SourceStep, error: unknown, callSite?: CallSite): SlipwayError {
  if (error instanceof SlipwayError && error.callSite !== undefined) return error;
  const { text, hint } = error instanceof SlipwayError ? error : describeFailure(error);
  return new SlipwayError({
    code: "LOCAL_PATH",
    text: `${describeSource(step)}: ${text}`,
    hint,
    cause: error,
    callSite,
  });
}

function describeFailure(error: unknown): { readonly text: string; readonly hint: string } {
  const isGone = error instanceof Error && "code" in error && error.code === "ENOENT";
  return isGone
    ? { text: "it does not exist any more.", hint: "Something removed it after the call." }
    : { text: `${describeError(error)}.`, hint: "Every file that is copied must be readable." };
}

function describeSource(step: SourceStep): string {
  switch (step.kind) {
    case "copyDir":
      return describeCall("addLocalDir", step.source, true);
    case "copyFile":
      return describeCall("addLocalFile", step.source, true);
    case "pipRequirements":
      return describeCall("pipInstallFromRequirements", step.source);
  }
}
