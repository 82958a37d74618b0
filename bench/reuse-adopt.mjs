// Ten images that the repository has, in a program that does not know them, on an empty builder; against plain buildx
// with a cache in the registry (mode=max). BENCH_ROUNDS=3
import { median, table } from "./figures.mjs";
import {
  endAll,
  Image,
  megabytes,
  newProgram,
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

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const numbers = Array.from({ length: 10 }, (_, index) => index);

const ours = newRepository();
const theirs = newRepository();
const cache = newRepository();
const imageOf = (/** @type {number} */ number) => Image.debianSlim("3.11").runCommands(`echo ${number} > /number`);
const ways = {
  "plain `buildx build`, registry cache": (/** @type {import("./builds.mjs").Builder} */ builder) =>
    inOrder((number) => plain(builder, number, ["--cache-from", `type=registry,ref=${cache}:${number}`])),
  Slipway: (/** @type {import("./builds.mjs").Builder} */ builder) => {
    const program = newProgram();
    return Promise.all(numbers.map((number) => publish(imageOf(number), { repository: ours, builder, program })));
  },
};
try {
  const builder = await startBuilder();
  await inOrder(async (number) => {
    await publish(imageOf(number), { repository: ours, builder });
    await plain(builder, number, ["--cache-to", `type=registry,ref=${cache}:${number},mode=max`]);
  });
  /** @type {Record<string, { ms: number, pulled: number, pushed: number }[]>} */
  const figures = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, work] of Object.entries(ways)) {
      await withBuilder(async (one) => {
        proxy.reset();
        const { ms } = await timed(name, () => /** @type {Promise<unknown>} */ (work(one)));
        (figures[name] ??= []).push({ ms, ...proxy.bytes });
      });
    }
  }
  const rows = Object.entries(figures).map(([name, all]) => [
    name,
    seconds(median(all.map(({ ms }) => ms))),
    range(all.map(({ ms }) => ms)),
    megabytes(median(all.map(({ pulled }) => pulled))),
    megabytes(median(all.map(({ pushed }) => pushed))),
  ]);
  console.log(table(["10 stored images, empty builder", "median", "range", "pulled", "pushed"], rows));
} finally {
  await endAll();
}

/** @param {import("./builds.mjs").Builder} builder @param {number} number @param {readonly string[]} args */
function plain(builder, number, args) {
  const dockerfile = `FROM ${plainBase()}\nRUN echo ${number} > /number\n`;
  return builder.plain({ dockerfile, args: [...args, "--output", `type=image,name=${theirs}:${number},push=true`] });
}

/** @param {(number: number) => Promise<unknown>} work */
async function inOrder(work) {
  for (const number of numbers) await work(number);
}
