import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";

/**
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} startedAt tells two processes apart that got the same pid one after the other
 */

/**
 * Who a pid is right now; undefined when no such process runs (a zombie does not run).
 * @param {number} pid
 * @returns {ProcessIdentity | undefined}
 */
export function identify(pid) {
  const startedAt = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether that very process still runs. @param {ProcessIdentity} process_ */
export function isRunning({ pid, startedAt }) {
  return identify(pid)?.startedAt === startedAt;
}

/**
 * Sends a signal if the pid is still the process that we know, never to one that merely got its pid.
 * @param {ProcessIdentity} process_
 * @param {NodeJS.Signals} signal
 */
function sendSignal(process_, signal) {
  if (!isRunning(process_)) return;
  try {
    process.kill(process_.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

/**
 * Ends a process: SIGTERM, and SIGKILL when it does not end in time.
 * @param {ProcessIdentity} process_
 * @param {{ graceMs: number }} options
 */
export async function endProcess(process_, { graceMs }) {
  sendSignal(process_, "SIGTERM");
  if (await hasEnded(process_, graceMs)) return;
  sendSignal(process_, "SIGKILL");
  await hasEnded(process_, 5_000);
}

/** @param {ProcessIdentity} process_ @param {number} withinMs */
async function hasEnded(process_, withinMs) {
  const end = performance.now() + withinMs;
  while (isRunning(process_)) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** @param {number} pid */
function startOnLinux(pid) {
  try {
    const ticksSinceBoot = readStart(readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (ticksSinceBoot === undefined) return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${ticksSinceBoot}`;
  } catch {
    return undefined;
  }
}

/**
 * When a process began, in ticks since boot, by Linux's /proc/<pid>/stat (man 5 proc); undefined when it has ended. One
 * whose first thread has ended is shown as a zombie while others run, and what they listen on is open.
 * @param {string} stat
 */
export function readStart(stat) {
  // The second field is the command in parentheses and may itself contain both; count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, ticksSinceBoot] = [fields[0], Number(fields[17]), fields[19]];
  return (state === "Z" || state === "X") && threads <= 1 ? undefined : ticksSinceBoot;
}

/** @param {number} pid */
function startByPs(pid) {
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" });
  const match = /^(\S+)\s+(.+)$/.exec((stdout ?? "").trim());
  return match && !match[1]?.startsWith("Z") ? match[2] : undefined;
}
