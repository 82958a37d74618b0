// Background processes that outlive the command that started them, each with a record of who it is.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lastLines } from "./command.mjs";
import { isRecord, readJson, writeJson } from "./json-file.mjs";
import { Problem } from "./problem.mjs";
import { endProcess, identify, isRunning } from "./process-identity.mjs";

/**
 * @typedef {import("./process-identity.mjs").ProcessIdentity} ProcessIdentity
 *
 * @typedef {object} DaemonRecord
 * @property {ProcessIdentity} process
 * @property {string} address where it answers
 * @property {string} fingerprint of its executable and settings: another one means that it must be started anew
 *
 * @typedef {object} DaemonPlan
 * @property {string} name
 * @property {string} folder for its record and its log
 * @property {string} command
 * @property {readonly string[]} args
 * @property {NodeJS.ProcessEnv} [env] on top of the few variables that every daemon gets
 * @property {string} address
 * @property {string} fingerprint
 * @property {() => Promise<boolean>} isReady
 * @property {number} [readyMs] how long it may take until it is ready; default 30,000
 */

/** Starts a daemon and waits until it answers. @param {DaemonPlan} plan @returns {Promise<DaemonRecord>} */
export async function startDaemon(plan) {
  const logFile = join(plan.folder, `${plan.name}.log`);
  const output = openSync(logFile, "w");
  const child = spawn(plan.command, plan.args, {
    cwd: plan.folder,
    detached: true, // Ctrl-C in the terminal that started it is not meant for it.
    env: { ...inheritedEnvironment(), ...plan.env },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.unref();
  /** @type {Error | undefined} */
  let failure;
  child.on("error", (error) => (failure = error));

  const process_ = child.pid === undefined ? undefined : identify(child.pid);
  if (process_) {
    const record = { process: process_, address: plan.address, fingerprint: plan.fingerprint };
    writeJson(recordFile(plan.folder, plan.name), record);
    if (await becomesReady(plan.isReady, process_, plan.readyMs ?? 30_000)) return record;
    await endProcess(process_, { graceMs: 2_000 });
    rmSync(recordFile(plan.folder, plan.name), { force: true });
  }
  await new Promise((resolve) => setImmediate(resolve)); // The error of a start that failed comes as an event.
  throw new Problem({
    doing: `Starting ${plan.name} at ${plan.address}`,
    found: `it did not become ready${failure ? `: ${failure.message}` : ""}\n${lastLines(readFileSync(logFile, "utf8"))}`,
    todo: `Its whole log is ${logFile}.`,
    cause: failure,
  });
}

/** The daemon that an earlier start left running. @param {string} folder @param {string} name @returns {DaemonRecord | undefined} */
export function readDaemon(folder, name) {
  const record = readJson(recordFile(folder, name));
  if (!isRecord(record) || !isRecord(record["process"])) return undefined;
  const { process: process_, address, fingerprint } = record;
  const { pid, startedAt } = process_;
  if (typeof pid !== "number" || typeof startedAt !== "string") return undefined;
  if (typeof address !== "string" || typeof fingerprint !== "string") return undefined;
  return isRunning({ pid, startedAt }) ? { process: { pid, startedAt }, address, fingerprint } : undefined;
}

/**
 * Ends a daemon of ours, if it still runs, and forgets it. A BuildKit with a running build uses up its whole grace.
 * @param {string} folder
 * @param {string} name
 * @param {{ graceMs?: number }} [options]
 * @returns {Promise<DaemonRecord | undefined>} what was ended
 */
export async function endDaemon(folder, name, { graceMs = 4_000 } = {}) {
  const record = readDaemon(folder, name);
  if (record) await endProcess(record.process, { graceMs });
  rmSync(recordFile(folder, name), { force: true });
  return record;
}

/** @param {string} folder @param {string} name */
const recordFile = (folder, name) => join(folder, `${name}.json`);

/** @param {() => Promise<boolean>} isReady @param {ProcessIdentity} process_ @param {number} withinMs */
async function becomesReady(isReady, process_, withinMs) {
  const end = performance.now() + withinMs;
  while (isRunning(process_) && performance.now() < end) {
    if (await isReady()) return true;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return false;
}

/** A daemon that other shells share must not carry this shell's secrets. @returns {NodeJS.ProcessEnv} */
function inheritedEnvironment() {
  const wanted = /^(PATH|HOME|LANG|TZ|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy)$/i;
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => wanted.test(name)));
  // runc and mount helpers live where a user's PATH does not always look.
  return { ...kept, PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` };
}
