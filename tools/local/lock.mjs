// A lock between processes: a file that names its holders. Their death frees it, however they died.
import { closeSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { identify, isRunning } from "./process-identity.mjs";
import { isRecord, readJson, writeJson } from "./json-file.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/**
 * Runs something while no other process runs it with the same lock file.
 * @template T
 * @param {string} path
 * @param {Log} log
 * @param {(share: (pid: number) => void) => Promise<T>} work `share` names a child that holds the lock too:
 * one that goes on when we are killed, and must not meet the next holder's
 * @returns {Promise<T>}
 */
export async function withLock(path, log, work) {
  await acquire(path, log);
  try {
    return await work((pid) => writeJson(path, [identify(process.pid), identify(pid)]));
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} path @param {Log} log */
async function acquire(path, log) {
  const start = performance.now();
  let nextLineAt = 1_000;
  while (!create(path)) {
    const holder = readHolder(path);
    if (holder === "nobody") steal(path);
    else if (performance.now() - start > nextLineAt) {
      log(`  … waiting for another command, process ${holder} (${Math.round(nextLineAt / 1000)} s)`);
      nextLineAt += 10_000;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** @param {string} path */
function create(path) {
  try {
    const file = openSync(path, "wx");
    writeFileSync(file, JSON.stringify([identify(process.pid)]));
    closeSync(file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** @param {string} path @returns {number | "unknown" | "nobody"} */
function readHolder(path) {
  const holders = readJson(path);
  if (Array.isArray(holders)) {
    for (const one of holders) {
      if (!isRecord(one) || typeof one["pid"] !== "number" || typeof one["startedAt"] !== "string") continue;
      if (isRunning({ pid: one["pid"], startedAt: one["startedAt"] })) return one["pid"];
    }
    return "nobody";
  }
  // Created and not yet written, unless its writer died in between.
  return isOlderThan(path, 2_000) ? "nobody" : "unknown";
}

/**
 * Removes a dead holder's file. Two that steal at once could remove each other's new lock,
 * so stealing itself is done by one at a time, and looks again first.
 * @param {string} path
 */
function steal(path) {
  const guard = `${path}.steal`;
  if (!create(guard)) {
    if (isOlderThan(guard, 2_000)) rmSync(guard, { force: true });
    return;
  }
  try {
    if (readHolder(path) === "nobody") rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @param {string} path @param {number} ageMs */
function isOlderThan(path, ageMs) {
  try {
    return Date.now() - statSync(path).mtimeMs > ageMs;
  } catch {
    return false;
  }
}
