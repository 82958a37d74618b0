import { describeCall } from "./arguments";
import type { CallSite } from "./call-site";
import { describeError, SlipwayError } from "./error";
import { hashTree, joinPath } from "./files";
import type { HashCache } from "./hash-cache";
import { listFiles, listTree, readIgnoreFile } from "./list-tree";
import { listRequirements } from "./requirements";
import { Selection } from "./selection";
import type { CopyDirStep, SourceStep } from "./step";
import type { Tree } from "./tree";
import { listWatched, watchBytes, type SourceReport } from "./tree-report";

/** What a step reads, and for requirements the file's path in that tree. */
export interface Source {
  readonly tree: Tree;
  readonly entry: string | undefined;
}

/** A step's files, as a resolved spec holds them. */
export interface HashedSource {
  readonly tree: string;
  readonly entry: string | undefined;
}

const NAMES_TOLD = 8;

/**
 * Lists and hashes the local files that a step reads; says what the default left out.
 *
 * @param folder the program's folder, absolute.
 * @param cache spares the reading of what is unchanged since an earlier run.
 * @throws SlipwayError LOCAL_PATH, with the step's call site
 */
export async function hashSource(
  step: SourceStep,
  folder: string,
  callSite?: CallSite,
  report: SourceReport = {},
  cache?: HashCache,
): Promise<HashedSource> {
  return locating(step, callSite, async () => {
    const { tree, entry } = await list(step, folder, report);
    const watch = watchBytes(report, `${describeSource(step)}: hashed`, tree);
    return { tree: await hashTree(tree, watch, cache?.of(JSON.stringify([folder, sourceKey(step)]))), entry };
  });
}

/** Two steps of one key read the same, under the same names. */
export function sourceKey(step: SourceStep): readonly unknown[] {
  switch (step.kind) {
    case "copyDir":
      return [step.kind, step.source, step.ignore ?? [], step.include ?? []];
    case "copyFile":
      // A file's tree holds its name in the image.
      return [step.kind, step.source, step.destination.split("/").at(-1)];
    case "pipRequirements":
      return [step.kind, step.source];
  }
}

/**
 * Lists the local files that a step reads, as they were listed for its hash.
 *
 * @param folder the program's folder, absolute.
 * @throws SlipwayError LOCAL_PATH, with the step's call site
 */
export async function listSource(
  step: SourceStep,
  folder: string,
  callSite?: CallSite,
  report: Pick<SourceReport, "status" | "signal"> = {},
): Promise<Source> {
  return locating(step, callSite, () => list(step, folder, { status: report.status, signal: report.signal }));
}

async function list(step: SourceStep, folder: string, report: SourceReport): Promise<Source> {
  switch (step.kind) {
    case "copyDir":
      return { tree: await listFolder(step, joinPath(folder, step.source), report), entry: undefined };
    case "copyFile": {
      const name = step.destination.split("/").at(-1) ?? "";
      return { tree: listFiles(new Map([[name, joinPath(folder, step.source)]])), entry: undefined };
    }
    case "pipRequirements":
      return listRequirements(step.source, folder);
  }
}

async function listFolder(step: CopyDirStep, folder: string, report: SourceReport): Promise<Tree> {
  const selection = new Selection(step, readIgnoreFile(folder));
  const advice = "leave out what the image does not need: { ignore: [...] }, or a .dockerignore in the folder";
  const tree = await listWatched(report, { what: describeSource(step), advice }, (watch) =>
    listTree(folder, selection, watch),
  );
  if (selection.leftOut.size > 0) report.info?.(`${describeSource(step)}: ${describeLeftOut(selection.leftOut)}`);
  return tree;
}

function describeLeftOut(leftOut: ReadonlyMap<string, number>): string {
  const names = [...leftOut].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, times]) => counted(name, times));
  const more = names.length > NAMES_TOLD ? ` and ${names.length - NAMES_TOLD} more` : "";
  return `left out ${names.slice(0, NAMES_TOLD).join(", ")}${more}: add { include: [...] } to copy them`;
}

function counted(name: string, times: number): string {
  return times === 1 ? name : `${name} (${times})`;
}

/** Gives an error the call that it belongs to, and the user's line. */
async function locating<T>(step: SourceStep, callSite: CallSite | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SlipwayError && error.callSite !== undefined) throw error;
    if (error instanceof Error && error.name === "AbortError") throw error;
    const { text, hint } =
      error instanceof SlipwayError ? error : { text: `${describeError(error)}.`, hint: undefined };
    throw new SlipwayError({
      code: "LOCAL_PATH",
      text: `${describeSource(step)}: ${text}`,
      hint: step.kind === "copyDir" ? joinHints(hint, "Or leave it out: add { ignore: [...] }.") : hint,
      cause: error,
      callSite,
    });
  }
}

function joinHints(first: string | undefined, second: string): string {
  return first === undefined ? second.replace("Or leave", "Leave") : `${first} ${second}`;
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
