// npm test: all tests, in the local environment. Arguments go to vitest: npm test -- test/sdk -t "hash"
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { startEnvironment } from "./environment.mjs";
import { countTests, describeCounts } from "./checks/test-counts.mjs";
import { cloneFolder } from "./local/folders.mjs";
import { readJson } from "./local/json-file.mjs";
import { prepareClone } from "./local/prepare-clone.mjs";
import { describe } from "./local/problem.mjs";

/** @param {string} line */
const log = (line) => console.log(line);

async function main() {
  const counts = await runTests().catch((/** @type {unknown} */ error) => {
    console.error(`\n${describe(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  });
  console.log(describeCounts(counts)); // .ci/run reads this line, the last one.
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

/** @returns {Promise<import("./checks/test-counts.mjs").Counts>} */
async function runTests() {
  await prepareClone(log);
  const { env } = await startEnvironment({ log });
  const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
  try {
    const report = join(folder, "report.json");
    const exitCode = await runVitest(report, { ...process.env, ...env });
    return countTests(readJson(report), exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} report @param {NodeJS.ProcessEnv} env @returns {Promise<number>} */
function runVitest(report, env) {
  const vitest = join(cloneFolder, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const args = [vitest, "run", ...reporters, ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { cwd: cloneFolder, env, stdio: ["ignore", "inherit", "inherit"] });
  // A terminal's Ctrl-C reaches vitest as well as us; wait for its end, so that nothing of it outlives us.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

void main();
