// Runs vitest in the local environment.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, describeCounts } from "../checks/test-counts.mjs";
import { startEnvironment } from "../environment.mjs";
import { cloneFolder } from "./folders.mjs";
import { readJson } from "./json-file.mjs";
import { prepareClone } from "./prepare-clone.mjs";
import { describe } from "./problem.mjs";

/**
 * @typedef {object} TestRun
 * @property {readonly string[]} args for vitest
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(log: (line: string) => void) => Promise<void>} [prepare] starts what these tests need besides
 * @property {() => void} [sayMore] may print before the last line
 */

/** @param {string} line */
const log = (line) => console.log(line);

/**
 * Runs tests, tells how many passed and sets the exit code of this process.
 * @param {TestRun} run
 */
export async function runTests({ args, env = {}, prepare, sayMore }) {
  const counts = await countRun(args, env, prepare).catch((/** @type {unknown} */ error) => {
    console.error(`\n${describe(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  });
  sayMore?.();
  console.log(describeCounts(counts)); // .ci/run reads this line, the last one.
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} more
 * @param {TestRun["prepare"]} prepare
 * @returns {Promise<import("../checks/test-counts.mjs").Counts>}
 */
async function countRun(args, more, prepare) {
  await prepareClone(log);
  await prepare?.(log);
  const { env } = await startEnvironment({ log });
  const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
  try {
    const report = join(folder, "report.json");
    const exitCode = await runVitest(report, args, { ...process.env, ...env, ...more });
    return countTests(readJson(report), exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} report @param {readonly string[]} more @param {NodeJS.ProcessEnv} env @returns {Promise<number>} */
function runVitest(report, more, env) {
  const vitest = join(cloneFolder, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const args = [vitest, "run", ...reporters, ...more];
  const child = spawn(process.execPath, args, { cwd: cloneFolder, env, stdio: ["ignore", "inherit", "inherit"] });
  // A terminal's Ctrl-C reaches vitest as well as us; wait for its end, so that nothing of it outlives us.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
