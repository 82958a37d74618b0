import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Reads a file of ours; undefined when it is missing or torn. @param {string} path @returns {unknown} */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes a file whole or not at all. @param {string} path @param {unknown} value */
export function writeJson(path, value) {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** @param {string} path @param {string} text @param {number} [mode] */
export function writeWhole(path, text, mode = 0o644) {
  const partial = `${path}.${process.pid}.partial`;
  try {
    writeFileSync(partial, text, { mode });
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
