import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBuildx } from "./buildx.mjs";
import { runCommand } from "./command.mjs";
import { readDockerEngine } from "./docker.mjs";
import { readImageConfig } from "./oci.mjs";
import { Problem } from "./problem.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/**
 * Runs an image once and shows what it prints.
 * @param {{ ref: string, builder: string, log: Log }} options
 */
export async function runImage({ ref, builder, log }) {
  if (await readDockerEngine()) {
    log(`docker run --rm ${ref}`);
    await runCommand("docker", ["run", "--rm", ref], { onLine: (line) => log(`  ${line}`) });
    return;
  }
  await runAsBuildStep(ref, builder, log);
}

/**
 * Without an engine, BuildKit itself can run a container: a build step on top of the image, in its user, folder and
 * environment, with exactly the command that a container of it would run.
 * @param {string} ref
 * @param {string} builder
 * @param {Log} log
 */
async function runAsBuildStep(ref, builder, log) {
  const { command, platform } = await readImageConfig(ref);
  if (command.length === 0) {
    throw new Problem({
      doing: `Running ${ref}`,
      found: "it has neither an entrypoint nor a command",
      todo: "Give the image a .cmd([...]).",
    });
  }
  log(`${command.join(" ")}   (in a BuildKit step, since no Docker engine answers)`);
  const emptyContext = mkdtempSync(join(tmpdir(), "slipway-run-"));
  /** @type {string | undefined} */
  let step;
  try {
    await runBuildx({
      builder,
      args: ["--no-cache", "--platform", platform, "--output", "type=cacheonly", "--file", "-", emptyContext],
      input: `FROM ${ref}\nRUN ${JSON.stringify(command)}\n`,
      onLine: (line) => {
        // Plain progress: "#5 [2/2] RUN […]" opens a step, "#5 0.123 text" is a line that it printed.
        step ??= /^(#\d+) \[[^\]]*\] RUN /.exec(line)?.[1];
        const printed = /^(#\d+) \d+\.\d+ (.*)$/.exec(line);
        if (printed && printed[1] === step) log(`  ${printed[2]}`);
      },
    });
  } finally {
    rmSync(emptyContext, { recursive: true, force: true });
  }
}
