import { sortedVariables } from "./hash";
import { isLinkSafe } from "./link-safety";
import { renderPipRun } from "./pip-command";
import { renderSecretMount } from "./secret-mount";
import { quoteCopy, quoteExec, quoteShell, quoteWord } from "./quote";
import { orderSteps, type ResolvedSpec, type ResolvedStep } from "./spec";

/** The Dockerfile of a spec, and which local files its lines read. */
export interface DockerfileText {
  readonly text: string;
  /** For each step in emitted order: the line where its text begins (1 is the first) and its folder of the context. */
  readonly steps: readonly { readonly step: ResolvedStep; readonly line: number; readonly contextFolder: string }[];
}

/** Where pip finds the files of a {@link PipRequirementsStep}, only while it runs. */
const REQUIREMENTS_FOLDER = "/tmp/slipway-requirements";

/**
 * Writes a resolved spec as a Dockerfile. What is written is identity: a change of it is a new format version.
 *
 * @param from the base as FROM names it; default: its reference by digest.
 */
export function renderDockerfile(spec: ResolvedSpec, from: string = pinnedBase(spec)): DockerfileText {
  const ordered = orderSteps(spec.steps);
  const chunks = [`FROM ${from}`];
  let line = 2;
  const steps = ordered.map((step, index) => {
    const contextFolder = `c/${index}`;
    const text = renderStep(step, ordered.slice(0, index), contextFolder);
    chunks.push(text);
    const start = line;
    line += text.split("\n").length;
    return { step, line: start, contextFolder };
  });
  return { text: `${chunks.join("\n")}\n`, steps };
}

function pinnedBase(spec: ResolvedSpec): string {
  const name = spec.base.reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return `${name}@${spec.base.digest}`;
}

/**
 * One step as its lines.
 *
 * @param before the steps that are emitted before it.
 */
export function renderStep(step: ResolvedStep, before: readonly ResolvedStep[], contextFolder: string): string {
  switch (step.kind) {
    case "pip":
      return `RUN ${renderPipRun(step, step.packages)}`;
    case "pipRequirements": {
      const mount = `--mount=type=bind,source=${contextFolder},target=${REQUIREMENTS_FOLDER}`;
      return `RUN ${mount} ${renderPipRun(step, ["-r", `${REQUIREMENTS_FOLDER}/${step.entry}`])}`;
    }
    case "apt":
      return `RUN ${quoteExec(["/bin/sh", "-c", aptCommand(step.packages)])}`;
    case "run":
      return renderRun(step.command, (step.secrets ?? []).map(renderSecretMount));
    case "dockerfile":
      return step.commands.join("\n");
    case "workdir":
      return `WORKDIR ${quoteWord(step.path)}`;
    case "env":
      return `ENV ${sortedVariables(step.variables)
        .map(([name, value]) => `${name}=${quoteWord(value)}`)
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
      const link = isLinkSafe(step, before) ? "--link " : "";
      return `COPY ${link}${quoteCopy([`${contextFolder}/`, folder.endsWith("/") ? folder : `${folder}/`])}`;
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
function renderRun(command: string, flags: readonly string[]): string {
  const run = ["RUN", ...flags].join(" ");
  const isPlain = !/[\n\\]|<<|^[\s\x85#[]|^--|[\s\x85]$/.test(command);
  if (isPlain) return `${run} ${command}`;
  let word = "SLIPWAY";
  while (command.split("\n").includes(word)) word += "_";
  // A single line is what it would be as plain RUN. BuildKit runs a body that begins with `#!` as a file of its own.
  const stopsAtFirst = command.includes("\n") && !command.startsWith("#!");
  const body = stopsAtFirst ? `set -e\n${command}` : command;
  return `${run} <<'${word}'\n${body}\n${word}`;
}
