import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join, relative } from "node:path";
import { runCommand } from "./command.mjs";
import { binFolder, cloneFolder, cloneStateFolder } from "./folders.mjs";
import { isRecord, readJson } from "./json-file.mjs";
import { Problem } from "./problem.mjs";
import { identify } from "./process-identity.mjs";

const pulumi = join(binFolder, "pulumi");

/** The folder of the clone's own Pulumi backend. */
export const pulumiStateFolder = join(cloneStateFolder, "pulumi-state");

/**
 * A Pulumi program of the clone, and what runs it.
 * @typedef {object} Program
 * @property {string} folder of its Pulumi.yaml
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * Makes a stack of a program the current one, creating it the first time and mending it after a kill.
 * @param {string} stack
 * @param {Program} program
 */
export async function selectStack(stack, { folder, env }) {
  const wasKilled = removeDeadLocks(join(pulumiStateFolder, ".pulumi", "locks"));
  await runCommand(pulumi, ["stack", "select", stack, "--create", "--non-interactive"], { cwd: folder, env });
  if (!wasKilled) return;
  // A create that was cut off would be warned of forever. An image that it did store, the next create adopts.
  const args = ["refresh", "--yes", "--skip-preview", "--non-interactive", "--clear-pending-creates"];
  await runCommand(pulumi, args, { cwd: folder, env });
}

/**
 * Removes the locks of Pulumi processes that were killed; Pulumi itself waits for somebody to do that by hand.
 * @param {string} folder
 * @returns {boolean} whether there were any
 */
export function removeDeadLocks(folder) {
  if (!existsSync(folder)) return false;
  let found = false;
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || !file.name.endsWith(".json")) continue;
    const path = join(file.parentPath, file.name);
    const lock = readJson(path);
    if (!isRecord(lock) || lock["hostname"] !== hostname() || typeof lock["pid"] !== "number" || identify(lock["pid"]))
      continue;
    rmSync(path, { force: true });
    rmSync(`${path}.attrs`, { force: true });
    found = true;
  }
  return found;
}

/**
 * Runs `pulumi up` and shows its output as it comes.
 * @param {Program} program
 * @param {readonly string[]} options
 * @param {(pid: number) => void} onStart
 */
export async function up({ folder, env }, options, onStart) {
  const args = ["up", "--yes", "--non-interactive", ...options];
  const code = await new Promise((resolve, reject) => {
    // `npm run check` looks at the example's types; ts-node would do so in each of three runs, for seconds.
    const quick = { ...env, PULUMI_NODEJS_TRANSPILE_ONLY: "true" };
    const child = spawn(pulumi, args, { cwd: folder, env: quick, stdio: ["ignore", "inherit", "inherit"] });
    if (child.pid !== undefined) onStart(child.pid);
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code === 0) return;
  throw new Problem({
    doing: `Running pulumi ${args.join(" ")}`,
    found: `exit code ${code}`,
    todo: "What went wrong stands above, under Diagnostics.",
  });
}

/**
 * Texts that a program exports.
 * @template {string} K
 * @param {Program} program
 * @param {readonly K[]} names
 * @returns {Promise<Record<K, string>>}
 */
export async function readOutputs({ folder, env }, names) {
  /** @type {unknown} */
  const outputs = JSON.parse(await runCommand(pulumi, ["stack", "output", "--json"], { cwd: folder, env }));
  const found = names.map((name) => [name, isRecord(outputs) ? outputs[name] : undefined]);
  if (found.every(([, text]) => typeof text === "string")) return Object.fromEntries(found);
  throw new Problem({
    doing: "Reading the stack's outputs",
    found: `no texts named ${names.join(", ")} in ${JSON.stringify(outputs)}`,
    todo: `The program in ${relative(cloneFolder, folder) || "examples/quickstart"} must export them.`,
  });
}
