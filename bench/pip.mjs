// Python packages: how long they take to import and to install, pip and uv against a plain `RUN pip install`.
// BENCH_ROUNDS=5 BENCH_INSTALLS=3
import { median, table } from "./figures.mjs";
import {
  endAll,
  Image,
  newRepository,
  plainBase,
  proxy,
  publish,
  range,
  runIn,
  seconds,
  startBuilder,
  timed,
} from "./builds.mjs";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const INSTALLS = Number(process.env["BENCH_INSTALLS"] ?? 3);
const PACKAGES = ["requests==2.32.3", "rich==13.9.4", "sqlalchemy==2.0.36"];
const plainRun = `RUN python3 -m pip install --no-cache-dir --disable-pip-version-check ${PACKAGES.join(" ")}`;
const installed = {
  "plain `buildx build`": plain("true"),
  "plain `buildx build`, `rewrite-timestamp`": plain("true", ",rewrite-timestamp=true,store=false"),
  "Slipway, pip": slipway("pip"),
  "Slipway, uv": slipway("uv"),
};

try {
  const builder = await startBuilder();
  await builder.plain({ dockerfile: `FROM ${plainBase()}\nRUN true\n`, args: ["--output", "type=cacheonly"] });
  /** @type {Record<string, string>} */
  const refs = {};
  /** @type {Record<string, number[]>} */
  const installs = {};
  for (let round = 0; round < INSTALLS; round += 1) {
    for (const [name, install] of Object.entries(installed)) {
      if (round > 0 && name.includes("rewrite")) continue; // It installs what the row above does.
      const { ms, value } = await timed(name, () => install(builder, round));
      (installs[name] ??= []).push(ms);
      refs[name] ??= value;
    }
  }
  printInstalls(installs);
  await printImports(builder, refs);
} finally {
  await endAll();
}

/** Another layer below it in every round, so that it is run again. @param {string} before @param {string} output */
function plain(before, output = "") {
  return async (/** @type {import("./builds.mjs").Builder} */ builder, /** @type {number} */ round) => {
    const repository = newRepository();
    const dockerfile = `FROM ${plainBase()}\nRUN ${before} ${round}\n${plainRun}\n`;
    const flags = output === "" ? [] : ["--build-arg", "SOURCE_DATE_EPOCH=0"];
    await builder.plain({
      dockerfile,
      args: [...flags, "--output", `type=image,name=${repository}:1,push=true${output}`],
    });
    return `${repository}:1`;
  };
}

/** @param {"pip" | "uv"} installer */
function slipway(installer) {
  return async (/** @type {import("./builds.mjs").Builder} */ builder, /** @type {number} */ round) => {
    const repository = newRepository();
    const image = Image.debianSlim("3.11")
      .runCommands(`true ${installer} ${round}`)
      .pipInstall(PACKAGES, { installer });
    const more = { prefixes: { kept: [], stored: 0 } };
    const { digest } = await publish(image, { repository, builder, more });
    return `${repository}@${digest}`;
  };
}

/**
 * Each import as the first of a container: without a file written. One before them brings the files into memory.
 * @param {import("./builds.mjs").Builder} builder
 * @param {Readonly<Record<string, string>>} refs
 */
async function printImports(builder, refs) {
  const code = [
    "import os, resource, subprocess, sys, time",
    "os.environ['PYTHONDONTWRITEBYTECODE'] = '1'",
    "def used():",
    "    usage = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "    return usage.ru_utime + usage.ru_stime",
    "def look():",
    "    start, before = time.perf_counter(), used()",
    "    subprocess.run([sys.executable, '-c', 'import requests, rich.console, sqlalchemy'], check=True)",
    "    print('took', time.perf_counter() - start, used() - before)",
    "for _ in range(4): look()",
  ].join("\n");
  /** @type {Record<string, { wall: number[], cpu: number[] }>} */
  const times = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, ref] of Object.entries(refs)) {
      const { value } = await timed(name, () => runIn(builder, ref, ["python3", "-c", code]));
      const [, ...looks] = [...value.matchAll(/took (\S+) (\S+)/g)];
      const own = (times[name] ??= { wall: [], cpu: [] });
      own.wall.push(...looks.map(([, wall]) => Number(wall) * 1e3));
      own.cpu.push(...looks.map(([, , cpu]) => Number(cpu) * 1e3));
    }
  }
  const [peer = { wall: [], cpu: [] }] = Object.values(times);
  const rows = Object.entries(times).map(([name, { wall, cpu }]) => [
    name,
    seconds(median(wall)),
    range(wall),
    (median(wall) / median(peer.wall)).toFixed(2),
    seconds(median(cpu)),
    range(cpu),
    (median(cpu) / median(peer.cpu)).toFixed(2),
  ]);
  const head = ["`import requests, rich.console, sqlalchemy`", "median", "range", "ratio", "CPU", "range", "ratio"];
  console.log(`\n${table(head, rows)}`);
}

/** @param {Readonly<Record<string, readonly number[]>>} installs */
function printInstalls(installs) {
  const [peer = []] = Object.values(installs);
  const rows = Object.entries(installs).map(([name, [first = 0, ...again]]) => [
    name,
    seconds(first),
    (first / (peer[0] ?? Number.NaN)).toFixed(2),
    again.length === 0 ? "" : seconds(median(again)),
    again.length === 0 ? "" : (median(again) / median(peer.slice(1))).toFixed(2),
  ]);
  const head = ["build and push", "nothing fetched before", "ratio", "fetched before, run again", "ratio"];
  console.log(`\n${table(head, rows)}`);
  console.log(`\nPackages: ${PACKAGES.join(", ")}; pushed through a proxy at ${proxy.host.split(":")[0]}`);
}
