// npm run check: everything that can be said about the sources without running them.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tryCommand } from "./local/command.mjs";
import { cloneFolder } from "./local/folders.mjs";
import { installModules } from "./local/prepare-clone.mjs";
import { Problem, describe } from "./local/problem.mjs";

const usage = `npm run check                all checks
npm run check -- lint types  only these
npm run check -- --write     write what can be written: formatting, the API reports in docs/api/`;

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {readonly string[]} command an executable of node_modules/.bin, or node
 * @property {readonly string[]} [writing] instead, with --write
 * @property {boolean} [needsBuild] reads dist/, which "types" writes
 */

/** @type {readonly Check[]} */
const checks = [
  { name: "types", command: ["tsc", "-b", "tsconfig.json", "tools", "test"] },
  { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  {
    name: "format",
    command: ["prettier", "--check", "--log-level", "warn", "--ignore-unknown", "."],
    writing: ["prettier", "--write", "--log-level", "warn", "--ignore-unknown", "."],
  },
  { name: "unused", command: ["knip", "--no-config-hints"] },
  {
    name: "api",
    command: ["node", "tools/checks/api-report.mjs"],
    writing: ["node", "tools/checks/api-report.mjs", "--write"],
    needsBuild: true,
  },
  { name: "package", command: ["publint", "--strict"], needsBuild: true },
];

async function main() {
  const { values, positionals } = readFlags();
  if (values.help) return console.log(usage);
  const chosen = choose(positionals);
  await installModules((line) => console.log(line));

  const start = performance.now();
  const failed = await runAll(chosen, values.write ?? false);
  const names = failed.map((name) => ` ${name}`).join("");
  console.log(`\nchecks took ${secondsSince(start)} s`);
  // .ci/run reads this line.
  console.log(`checks: ${chosen.length - failed.length} passed, ${failed.length} failed${names}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function readFlags() {
  try {
    const options = /** @type {const} */ ({ write: { type: "boolean" }, help: { type: "boolean", short: "h" } });
    return parseArgs({ allowPositionals: true, options });
  } catch (cause) {
    throw wrongUsage(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** @param {readonly string[]} names none for all @returns {readonly Check[]} */
function choose(names) {
  const unknown = names.find((name) => !checks.some((check) => check.name === name));
  const known = checks.map((check) => check.name).join(", ");
  if (unknown !== undefined) throw wrongUsage(`there is no check ${unknown}, only ${known}`);
  if (names.length === 0) return checks;
  const needsBuild = checks.some((check) => check.needsBuild && names.includes(check.name));
  return checks.filter((check) => names.includes(check.name) || (needsBuild && check.name === "types"));
}

/** @param {string} found @param {unknown} [cause] */
const wrongUsage = (found, cause) => new Problem({ doing: "Reading the command line", found, todo: usage, cause });

/** @param {readonly Check[]} chosen @param {boolean} isWriting @returns {Promise<string[]>} the names of those that failed */
async function runAll(chosen, isWriting) {
  /** @type {string[]} */
  const failed = [];
  const waiting = [...chosen];
  /** @type {Promise<void> | undefined} */
  let build;
  const runNext = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      if (check.needsBuild) await build;
      const running = run(check, isWriting).then((passed) => {
        if (!passed) failed.push(check.name);
      });
      if (check.name === "types") build = running;
      await running;
    }
  };
  await Promise.all(Array.from({ length: Math.min(3, availableParallelism()) }, runNext));
  return chosen.map((check) => check.name).filter((name) => failed.includes(name));
}

/** Runs one check, then tells all of it at once: the lines of two checks never mix. @param {Check} check @param {boolean} isWriting */
async function run({ name, command, writing }, isWriting) {
  const start = performance.now();
  const [program = "", ...args] = isWriting && writing ? writing : command;
  const path = program === "node" ? process.execPath : join(cloneFolder, "node_modules", ".bin", program);
  const { code, output } = await tryCommand(path, args, { cwd: cloneFolder, env: { ...process.env, NO_COLOR: "1" } });
  const passed = code === 0;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${secondsSince(start)} s): ${[program, ...args].join(" ")}`);
  if (!passed || isWriting) console.log(output.trimEnd().replaceAll(/^/gm, "  "));
  return passed;
}

/** @param {number} start */
const secondsSince = (start) => ((performance.now() - start) / 1000).toFixed(1);

main().catch((/** @type {unknown} */ error) => {
  console.error(`\n${describe(error)}`);
  process.exitCode = 1;
});
