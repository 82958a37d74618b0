// One more package on top of numpy, pandas and requests: on the builder that built those, and on an empty one; against
// plain buildx, there with a cache in the registry (mode=max). BENCH_ROUNDS=5 BENCH_EMPTY_ROUNDS=5
import { median, table } from "./figures.mjs";
import {
  endAll,
  Image,
  megabytes,
  newRepository,
  plainBase,
  proxy,
  publish,
  range,
  seconds,
  startBuilder,
  timed,
  withBuilder,
} from "./builds.mjs";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const EMPTY_ROUNDS = Number(process.env["BENCH_EMPTY_ROUNDS"] ?? 5);
const PACKAGES = ["numpy==2.1.3", "pandas==2.2.3", "requests==2.32.3"];
const more = (/** @type {number} */ round) =>
  round < ROUNDS ? `six==1.${17 - round}.0` : `colorama==0.4.${6 - (round - ROUNDS)}`;
const pip = "RUN python3 -m pip install --no-cache-dir --disable-pip-version-check";

const ours = newRepository();
const theirs = newRepository();
const cache = `type=registry,ref=${newRepository()}:cache`;
const first = Image.debianSlim("3.11").pipInstall(PACKAGES);

/** @typedef {{ ms: number, pulled: number, pushed: number }} Figure */
/** @type {Record<string, Figure[]>} */
const warm = {};
const CACHED = "plain `buildx build`, registry cache";
/** @type {Record<string, Figure[]>} */
const empty = { [CACHED]: [] };
try {
  // A version that was there before would be answered as stored.
  if (ROUNDS > 8 || EMPTY_ROUNDS > 6) throw new Error("there are packages for 8 rounds, and for 6 on empty builders");
  const builder = await startBuilder();
  await timed("the first image, Slipway", () => publish(first, { repository: ours, builder }));
  await timed("the first image, plain", () => plain(builder, undefined, ["--cache-to", `${cache},mode=max`]));
  for (let round = 0; round < ROUNDS; round += 1) {
    await look(warm, "plain `buildx build`", () => plain(builder, round));
    await look(warm, "Slipway", () => slipway(builder, round));
  }
  for (let round = ROUNDS; round < ROUNDS + EMPTY_ROUNDS; round += 1) {
    /** @type {[string, (one: import("./builds.mjs").Builder) => Promise<unknown>][]} */
    const ways = [
      [CACHED, (one) => plain(one, round, ["--cache-from", cache])],
      ["Slipway", (one) => slipway(one, round)],
    ];
    // Each is the first one every other time: disks remember.
    for (const [name, work] of round % 2 === 0 ? ways : ways.reverse()) {
      await withBuilder((one) => look(empty, name, () => work(one)));
    }
  }
  print("one more package, warm builder", warm);
  print("one more package, empty builder", empty);
} finally {
  await endAll();
}

/** @param {import("./builds.mjs").Builder} builder @param {number | undefined} round @param {readonly string[]} args */
function plain(builder, round, args = []) {
  const last = round === undefined ? "" : `${pip} ${more(round)}\n`;
  const dockerfile = `FROM ${plainBase()}\n${pip} ${PACKAGES.join(" ")}\n${last}`;
  const output = `type=image,name=${theirs}:${round ?? "first"},push=true`;
  return builder.plain({ dockerfile, args: [...args, "--output", output] });
}

/** @param {import("./builds.mjs").Builder} builder @param {number} round */
function slipway(builder, round) {
  return publish(first.pipInstall([more(round)]), { repository: ours, builder });
}

/** @param {Record<string, Figure[]>} figures @param {string} name @param {() => Promise<unknown>} work */
async function look(figures, name, work) {
  proxy.reset();
  const { ms } = await timed(name, work);
  (figures[name] ??= []).push({ ms, ...proxy.bytes });
}

/** @param {string} title @param {Readonly<Record<string, readonly Figure[]>>} figures */
function print(title, figures) {
  const [peer = []] = Object.values(figures);
  const of = (/** @type {readonly Figure[]} */ all, /** @type {keyof Figure} */ key) => all.map((one) => one[key]);
  const rows = Object.entries(figures).map(([name, all]) => [
    name,
    seconds(median(of(all, "ms"))),
    range(of(all, "ms")),
    (median(of(all, "ms")) / median(of(peer, "ms"))).toFixed(2),
    megabytes(median(of(all, "pulled"))),
    megabytes(median(of(all, "pushed"))),
  ]);
  console.log(`${table([title, "median", "range", "ratio", "pulled", "pushed"], rows)}\n`);
}
