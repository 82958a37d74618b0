import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CallSite } from "../sdk/call-site";
import { renderDockerfile, type DockerfileText, type ImageNames } from "../sdk/dockerfile";
import { inContext } from "../sdk/dockerfile-stages";
import { hashTree } from "../sdk/files";
import { listTree } from "../sdk/list-tree";
import { isDockerfileBase, type ResolvedDockerfileBase, type ResolvedSpec } from "../sdk/spec";
import { watchBytes, type SourceReport } from "../sdk/tree-report";
import { contextParts } from "./buildkit";
import type { ContextPart } from "./context";
import { describeImport, importFolders, listImport } from "./import";
import { stageTree } from "./staging";

/** What another tool builds an image of; paths are relative to the program's folder, `/`-separated. */
export interface StagedContext {
  readonly dockerfile: string;
  readonly context: string;
  /** The steps' files, under the name by which an imported Dockerfile's lines call them. */
  readonly named: Readonly<Record<string, string>>;
  readonly target: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
}

export interface StageRequest {
  readonly spec: ResolvedSpec;
  /** The program's folder, absolute. */
  readonly folder: string;
  readonly callSites: readonly (CallSite | undefined)[];
  readonly baseCallSite: CallSite | undefined;
  readonly names: ImageNames;
  readonly report: SourceReport;
}

/** Neither version control nor `addLocalDir` sees it there, and packages' installers leave it alone. */
const PLACE = "node_modules/.cache/slipway";

/**
 * Writes the Dockerfile of a spec and copies what it reads, where another tool finds them, normalised and under a name
 * made of their content. What is there already and is as hashed stays.
 *
 * @throws SlipwayError CONTEXT_CHANGED, LOCAL_PATH
 */
export async function stageContext(request: StageRequest): Promise<StagedContext> {
  const { spec, folder } = request;
  const dockerfile = renderDockerfile(spec, request.names);
  const found = describeStaged(spec, dockerfile);
  const parts = await contextParts(dockerfile, request, { status: request.report.status });
  const own = isDockerfileBase(spec.base) ? [await contextOfImport(request, spec.base)] : parts;
  await stageFolder(request, join(folder, found.context), own);
  for (const files of Object.values(found.named)) await stageFolder(request, join(folder, files), parts);
  writeDockerfile(join(folder, found.dockerfile), dockerfile.text);
  return found;
}

/** Where the context of a spec is staged; nothing is written. */
export function describeStaged(spec: ResolvedSpec, dockerfile: DockerfileText): StagedContext {
  const id = idOf(spec, dockerfile);
  const { imported } = dockerfile;
  const hasFiles = dockerfile.steps.some(({ step }) => "tree" in step);
  // BuildKit knows a folder again by its last name: each content has its own.
  const named = imported !== undefined && hasFiles ? { [imported.context]: `${PLACE}/${id}.files` } : {};
  const check = imported === undefined ? {} : { BUILDKIT_DOCKERFILE_CHECK: "skip=all" };
  return {
    dockerfile: `${PLACE}/${id}/Dockerfile`,
    context: `${PLACE}/${id}.context`,
    named,
    target: imported?.target,
    buildArgs: { ...imported?.buildArgs, ...check, SOURCE_DATE_EPOCH: "0" },
  };
}

/** The text alone says which trees it reads of steps that are imported, so the trees are named, too. */
function idOf(spec: ResolvedSpec, dockerfile: DockerfileText): string {
  const trees = dockerfile.steps.map(({ step }) => ("tree" in step ? step.tree : ""));
  const base = isDockerfileBase(spec.base) ? spec.base.tree : "";
  return createHash("sha256")
    .update(JSON.stringify([dockerfile.text, base, trees]))
    .digest("hex")
    .slice(0, 32);
}

async function contextOfImport(
  { folder, baseCallSite, report }: StageRequest,
  base: ResolvedDockerfileBase,
): Promise<ContextPart> {
  const tree = await inContext(base.source, baseCallSite, () => listImport(base, base.reads, folder, report));
  const root = importFolders(base, folder).context;
  return { folder: ".", tree, expected: base.tree, source: describeImport(base), root };
}

/** A run beside this one may stage the same: whoever is second takes what is there. */
async function stageFolder({ report }: StageRequest, to: string, parts: readonly ContextPart[]): Promise<void> {
  const staged = (folder: string): readonly ContextPart[] =>
    parts.map((part) => ({ ...part, folder: join(folder, part.folder) }));
  if (await areAsHashed(to, staged(to))) return;
  const begun = `${to}.${process.pid}`;
  rmSync(begun, { recursive: true, force: true });
  try {
    mkdirSync(begun, { recursive: true });
    for (const part of staged(begun)) {
      await stageTree(part, watchBytes(report, `${part.source}: copied`, part.tree));
    }
    if (await areAsHashed(to, staged(to))) return;
    rmSync(to, { recursive: true, force: true });
    renameSync(begun, to);
  } finally {
    rmSync(begun, { recursive: true, force: true });
  }
}

async function areAsHashed(folder: string, parts: readonly ContextPart[]): Promise<boolean> {
  if (!existsSync(folder)) return false;
  for (const part of parts) if (!(await isAsHashed(part))) return false;
  return true;
}

async function isAsHashed({ folder, expected }: ContextPart): Promise<boolean> {
  try {
    return (await hashTree(await listTree(folder))) === expected;
  } catch {
    return false;
  }
}

function writeDockerfile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  // What is staged was chosen by the ignore rules: the context's own would be read again.
  writeFileSync(`${path}.dockerignore`, "# nothing\n");
}
