import { renderCommands } from "./dockerfile-commands";
import { declaredArgs } from "./dockerfile-reads";
import type { ImportPlan } from "./dockerfile-plan";
import { digestOf, planResolved } from "./dockerfile-resolved";
import { countedLines, spliceImport } from "./dockerfile-splice";
import { pinImages, sortedVariables } from "./hash";
import { isLinkSafe } from "./link-safety";
import { renderPipRun } from "./pip-command";
import { renderSecretMount } from "./secret-mount";
import { quoteCopy, quoteExec, quoteShell, quoteWord } from "./quote";
import {
  isDockerfileBase,
  orderSteps,
  type ResolvedDockerfileBase,
  type ResolvedSpec,
  type ResolvedStep,
} from "./spec";

/** The Dockerfile of a spec, and which local files its lines read. */
export interface DockerfileText {
  readonly text: string;
  /** For each step in emitted order: the line where its text begins (1 is the first) and its folder of the context. */
  readonly steps: readonly DockerfileStepText[];
  /** How many steps the spec has, those of a prefix included. */
  readonly stepCount: number;
  /** How an imported Dockerfile is built; none where the spec is no import. */
  readonly imported: ImportedText | undefined;
}

export interface DockerfileStepText {
  readonly step: ResolvedStep;
  /** Its place in emitted order, from 1. */
  readonly number: number;
  readonly line: number;
  readonly contextFolder: string;
}

export interface ImportedText {
  /** The name of the context with the steps' folders: the build's own is the Dockerfile's. */
  readonly context: string;
  readonly target: string | undefined;
  /** Those that something declares. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What was put into the file's text: the line where it begins (1 is the first), and how many there are. */
  readonly appended: { readonly line: number; readonly count: number };
}

/** Where pip finds the files of a {@link PipRequirementsStep}, only while it runs. */
const REQUIREMENTS_FOLDER = "/tmp/slipway-requirements";

/** The names of images where they are to be found, `host/path@sha256:…`; one that is not here is named by its reference. */
export interface ImageNames {
  /** The base's, of a spec that is not a Dockerfile's; or that of the prefix on which the rest is built. */
  readonly from?: string | undefined;
  /** How many of the first steps `from` has already. */
  readonly prefixSteps?: number | undefined;
  /** The others', by key. */
  readonly images?: Readonly<Record<string, string>> | undefined;
}

/** Writes a resolved spec as a Dockerfile. What is written is identity: a change of it is a new format version. */
export function renderDockerfile(spec: ResolvedSpec, names: ImageNames = {}): DockerfileText {
  const nameOf = (key: string): string => names.images?.[key] ?? pinned(key, digestOf(spec, key));
  if (isDockerfileBase(spec.base)) return renderImport(spec, spec.base, nameOf);
  const from = `FROM ${names.from ?? pinned(spec.base.reference, spec.base.digest)}`;
  const place: Place = { ...anyPlace("\\"), nameOf };
  const { lines, steps, stepCount } = renderSteps(spec, place, 2, names.prefixSteps);
  return { text: `${[from, ...lines].join("\n")}\n`, steps, stepCount, imported: undefined };
}

/** Appended to the target's stage, so that its ARGs, SHELL and triggers mean what they mean there. */
function renderImport(spec: ResolvedSpec, base: ResolvedDockerfileBase, nameOf: Place["nameOf"]): DockerfileText {
  const plan = planResolved(base, spec.platform);
  let context = "slipway-files";
  while (base.text.toLowerCase().includes(context)) context += "_";
  const before = [{ kind: "dockerfile" as const, commands: hashedTexts(spec, plan, base) }];
  const place: Place = { before, escape: plan.file.dockerfile.escape, nameOf, context };
  const { firstLine } = spliceImport(plan, base.text, nameOf, []);
  const { lines, steps, stepCount } = renderSteps(spec, place, firstLine);
  const declared = declaredArgs(plan);
  const buildArgs = Object.fromEntries(sortedVariables(base.buildArgs).filter(([name]) => declared.has(name)));
  const appended = { line: firstLine, count: lines.length };
  const { text } = spliceImport(plan, base.text, nameOf, lines);
  return { text, steps, stepCount, imported: { context, target: base.target, buildArgs, appended } };
}

/**
 * What the file does to folders counts as a step of the same text would; but only what is hashed may decide how a copy
 * is written, or one hash would be two images: no comment, no stage that is not needed, no name of an image.
 */
function hashedTexts(spec: ResolvedSpec, plan: ImportPlan, base: ResolvedDockerfileBase): readonly string[] {
  const lines = countedLines(plan, (key) => digestOf(spec, key)).flat();
  const declared = declaredArgs(plan);
  const values = sortedVariables(base.buildArgs).flatMap(([name, value]) => (declared.has(name) ? [value] : []));
  return [...lines.filter((line) => line !== null), ...values];
}

/** Where a step may come to stand, for who looks at its lines alone. */
export function anyPlace(escape: string): Place {
  return { before: [], escape, nameOf: (key) => key, context: undefined };
}

/** Where steps are written. */
export interface Place {
  /** What stands before them. */
  readonly before: readonly ResolvedStep[];
  readonly escape: string;
  readonly nameOf: (key: string) => string;
  /** The name of the context with the steps' files, where that is not the build's own. */
  readonly context: string | undefined;
}

function renderSteps(
  spec: ResolvedSpec,
  place: Place,
  firstLine: number,
  prefixSteps = 0,
): Pick<DockerfileText, "steps" | "stepCount"> & { lines: string[] } {
  const ordered = orderSteps(spec.steps);
  const hashed = ordered.map((step) => pinImages(step, spec));
  const lines: string[] = [];
  // Folders and links are those of the whole Dockerfile: an image's history names them.
  const steps = ordered.slice(prefixSteps).map((step, index) => {
    const number = prefixSteps + index + 1;
    const contextFolder = `c/${number - 1}`;
    const line = firstLine + lines.length;
    const before = [...place.before, ...hashed.slice(0, number - 1)];
    lines.push(...renderStep(step, before, contextFolder, place).split("\n"));
    return { step, number, line, contextFolder };
  });
  return { lines, steps, stepCount: ordered.length };
}

function pinned(key: string, digest: string): string {
  const name = key
    .replace(/ .*$/, "")
    .replace(/@.*$/, "")
    .replace(/:[^/:]*$/, "");
  return `${name}@${digest}`;
}

/**
 * One step as its lines.
 *
 * @param before the steps that are emitted before it.
 */
export function renderStep(
  step: ResolvedStep,
  before: readonly ResolvedStep[],
  contextFolder: string,
  { escape, nameOf, context }: Place,
): string {
  switch (step.kind) {
    case "pip":
      return `RUN ${renderPipRun(step, step.packages)}`;
    case "pipRequirements": {
      const from = context === undefined ? "" : `from=${context},`;
      const mount = `--mount=type=bind,${from}source=${contextFolder},target=${REQUIREMENTS_FOLDER}`;
      return `RUN ${mount} ${renderPipRun(step, ["-r", `${REQUIREMENTS_FOLDER}/${step.entry}`])}`;
    }
    case "apt":
      return `RUN ${quoteExec(["/bin/sh", "-c", aptCommand(step.packages)])}`;
    case "run":
      return renderRun(step.command, (step.secrets ?? []).map(renderSecretMount), escape);
    case "dockerfile":
      return renderCommands(step.commands, escape, nameOf).join("\n");
    case "workdir":
      return `WORKDIR ${quoteWord(step.path, escape)}`;
    case "env":
      return `ENV ${sortedVariables(step.variables)
        .map(([name, value]) => `${name}=${quoteWord(value, escape)}`)
        .join(" ")}`;
    case "user":
      return `USER ${step.user}`;
    case "entrypoint":
      return `ENTRYPOINT ${quoteExec(step.args)}`;
    case "cmd":
      return `CMD ${quoteExec(step.args)}`;
    case "copyFile":
    case "copyDir": {
      const folder = step.kind === "copyDir" ? step.destination : step.destination.replace(/[^/]+$/, "");
      const from = context === undefined ? "" : `--from=${context} `;
      const link = isLinkSafe(step, before) ? "--link " : "";
      return `COPY ${from}${link}${quoteCopy([`${contextFolder}/`, folder.endsWith("/") ? folder : `${folder}/`], escape)}`;
    }
  }
}

/** One RUN, or a cached `apt-get update` would meet packages that it does not list. What only logs is removed. */
function aptCommand(packages: readonly string[]): string {
  return [
    "export DEBIAN_FRONTEND=noninteractive",
    "apt-get update",
    `apt-get install -y --no-install-recommends ${packages.map(quoteShell).join(" ")}`,
    "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/cache/ldconfig/aux-cache" +
      " /var/log/apt /var/log/dpkg.log /var/log/alternatives.log",
  ].join(" && ");
}

/**
 * A command as RUN passes it to the image's shell. What the Dockerfile parser would read as its own syntax goes into a
 * here-document, where nothing is special but its end word.
 */
function renderRun(command: string, flags: readonly string[], escape: string): string {
  const run = ["RUN", ...flags].join(" ");
  const isPlain = !/[\n\\]|<<|^[\s\x85#[]|^--|[\s\x85]$/.test(command) && !(escape === "`" && command.includes("`"));
  if (isPlain) return `${run} ${command}`;
  let word = "SLIPWAY";
  while (command.split("\n").includes(word)) word += "_";
  // A single line is what it would be as plain RUN. BuildKit runs a body that begins with `#!` as a file of its own.
  const stopsAtFirst = command.includes("\n") && !command.startsWith("#!");
  const body = stopsAtFirst ? `set -e\n${command}` : command;
  return `${run} <<'${word}'\n${body}\n${word}`;
}
