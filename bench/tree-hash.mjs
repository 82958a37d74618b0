// The tree hash of a folder against `find | xargs sha256sum`, whole processes, alternating; medians of 9.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, spread, table } from "./figures.mjs";

const ROUNDS = 9;
const [child, statChild] = ["tree-hash-child.mjs", "stat-child.mjs"].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);
const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const cache = join(folder, "cache");
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const loadBefore = loadavg()[0]?.toFixed(0);
const rows = [
  ...compare("20,000 files, 87 MB", makeSmallFiles(join(folder, "small"))),
  ...compare("10 files, 1 GB", makeLargeFiles(join(folder, "large"))),
];
console.log(`load ${loadBefore} at the start and ${loadavg()[0]?.toFixed(0)} at the end\n`);
console.log(table(["whole process", "median", "range", "ratio of medians (of rounds)"], rows));
const huge = join(folder, "huge");
mkdirSync(huge);
writeFileSync(join(huge, "f"), "");
truncateSync(join(huge, "f"), 5_000_000_000);
console.log(`\nHighest memory for one file of 5 GB: ${(hash(huge).memoryBytes / 1e6).toFixed(0)} MB (limit 200 MB)`);

/** @param {string} name @param {string} path */
function compare(name, path) {
  /** @type {Record<string, () => unknown>} */
  const cases = {
    "find \\| xargs sha256sum": () =>
      run("sh", ["-c", "find . -type f -print0 | xargs -0 sha256sum > /dev/null"], path),
    "Slipway, first time": () => hash(path, cache),
    "Slipway, again, unchanged": () => hash(path, cache),
    "limit: Node that lists and stats": () => run(process.execPath, [statChild ?? "", path], folder),
    "limit: Node that does nothing": () => run(process.execPath, ["-e", "0"], folder),
  };
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(cases).map((key) => [key, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    rmSync(cache, { recursive: true, force: true });
    for (const [key, work] of Object.entries(cases)) times[key]?.push(timed(work));
  }
  const [peer = []] = Object.values(times);
  return Object.entries(times).map(([key, own]) => {
    const ratios = own.map((time, round) => time / (peer[round] ?? Number.NaN));
    const ratio = (median(own) / median(peer)).toFixed(2);
    const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
    return [`${name}: ${key}`, `${median(own).toFixed(0)} ms`, spread(own), `${ratio} (${range})`];
  });
}

/** @param {string} path @param {readonly string[]} args the cache's folder */
function hash(path, ...args) {
  return JSON.parse(run(process.execPath, [child ?? "", path, ...args], folder));
}

/** @param {string} command @param {readonly string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status, stdout } = spawnSync(command, args, { cwd, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${status}`);
  return stdout;
}

/** @param {() => unknown} work */
function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Sizes from 0 to 8.7 KB, 100 files a folder. @param {string} path */
function makeSmallFiles(path) {
  const bytes = Buffer.alloc(8_700, "slipway");
  for (let index = 0; index < 20_000; index += 1) {
    const inner = join(path, `package-${Math.floor(index / 100)}`);
    if (index % 100 === 0) mkdirSync(inner, { recursive: true });
    bytes.writeUInt32BE(index);
    writeFileSync(join(inner, `module-${index}.js`), bytes.subarray(0, (index * 7919) % 8_700));
  }
  return path;
}

/** @param {string} path */
function makeLargeFiles(path) {
  mkdirSync(path);
  const bytes = Buffer.alloc(100_000_000, "slipway");
  for (let index = 0; index < 10; index += 1) {
    bytes.writeUInt32BE(index);
    writeFileSync(join(path, `weights-${index}.bin`), bytes);
  }
  return path;
}
