// 50 images over 5 lists of steps, on one empty builder and on three that take turns: each list built once, as an image;
// the same without such images; and plain buildx. Four builds at once. Lists that take no time to run, and of seconds of
// processor time. BENCH_IMAGES=50 BENCH_BUILDERS=1,3 BENCH_SECONDS=0,4
import { writeFileSync } from "node:fs";
import pLimit from "p-limit";
import { table } from "./figures.mjs";
import {
  endAll,
  Image,
  megabytes,
  newProgram,
  newRepository,
  placesOf,
  plainBase,
  proxy,
  publish,
  seconds,
  SharedBuilds,
  timed,
  withBuilders,
} from "./builds.mjs";

const IMAGES = Number(process.env["BENCH_IMAGES"] ?? 50);
const COUNTS = (process.env["BENCH_BUILDERS"] ?? "1,3").split(",").map(Number);
const SECONDS = (process.env["BENCH_SECONDS"] ?? "0,4").split(",").map(Number);
const LISTS = 5;
let busySeconds = 0;
const numbers = Array.from({ length: IMAGES }, (_, index) => index);
writeFileSync("code.py", "print('code')\n");

const list = (/** @type {number} */ number) =>
  `python3 -c 'import random, time; random.seed(${number}); open("/list", "wb").write(random.randbytes(20_000_000)); ` +
  `[0 for _ in iter(lambda: time.process_time() < ${busySeconds}, False)]'`;
const own = (/** @type {number} */ number) => `echo ${number} > /own`;
const imageOf = (/** @type {number} */ number) =>
  Image.debianSlim("3.11")
    .runCommands(list(number % LISTS))
    .runCommands(own(number))
    .addLocalFile("code.py", "/code.py", { strategy: "copy" });

/** @typedef {import("./builds.mjs").BuilderOf} BuilderOf */
const ways = {
  "plain `buildx build`": (/** @type {BuilderOf} */ builderOf) => {
    const repository = newRepository();
    return atOnce((number) => {
      const builder = builderOf(number);
      const dockerfile = `FROM ${plainBase()}\nRUN ${list(number % LISTS)}\nRUN ${own(number)}\nCOPY code.py /code.py\n`;
      return builder.plain({ dockerfile, args: ["--output", `type=image,name=${repository}:${number},push=true`] });
    });
  },
  "Slipway, without shared prefixes": (/** @type {BuilderOf} */ builderOf) => {
    const repository = newRepository();
    const more = { prefixes: { kept: [], stored: 0 } };
    return atOnce((number) => publish(imageOf(number), { repository, builder: builderOf(number), more }));
  },
  Slipway: async (/** @type {BuilderOf} */ builderOf) => {
    const repository = newRepository();
    const [program, shared, limit] = [newProgram(), new SharedBuilds(), pLimit(4)];
    await Promise.all(
      numbers.map(async (number) => {
        const { specs } = await program.resolve(imageOf(number), ["linux/amd64"]);
        const prefixes = await program.planPrefixes(placesOf(repository), specs);
        const owner = `image-${number}`;
        const more = { prefixes, shared, limit, owner };
        await publish(imageOf(number), { repository, builder: builderOf(number), program, more });
      }),
    );
  },
};
try {
  for (const [each = 0, count = 1] of SECONDS.flatMap((each) => COUNTS.map((count) => [each, count]))) {
    busySeconds = each;
    /** @type {string[][]} */
    const rows = [];
    let peer = Number.NaN;
    for (const [name, work] of Object.entries(ways)) {
      await withBuilders(count, async (builderOf) => {
        proxy.reset();
        const { ms } = await timed(name, () => /** @type {Promise<unknown>} */ (work(builderOf)));
        if (rows.length === 0) peer = ms;
        rows.push([name, seconds(ms), (ms / peer).toFixed(2), megabytes(proxy.bytes.pushed)]);
      });
    }
    const builders = count === 1 ? "an empty builder" : `${count} empty builders`;
    const title = `${IMAGES} images over ${LISTS} lists of ${each} s, ${builders}`;
    console.log(`${table([title, "time", "ratio", "pushed"], rows)}\n`);
  }
} finally {
  await endAll();
}

/** @param {(number: number) => Promise<unknown>} work */
function atOnce(work) {
  const limit = pLimit(4);
  return Promise.all(numbers.map((number) => limit(() => work(number))));
}
