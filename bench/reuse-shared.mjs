// 50 images over 5 lists of steps, on an empty builder: each list built once, as an image; the same without such images;
// and plain buildx. Four builds at once. BENCH_IMAGES=50
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
  withBuilder,
} from "./builds.mjs";

const IMAGES = Number(process.env["BENCH_IMAGES"] ?? 50);
const LISTS = 5;
const numbers = Array.from({ length: IMAGES }, (_, index) => index);
writeFileSync("code.py", "print('code')\n");

const list = (/** @type {number} */ number) =>
  `python3 -c 'import random; random.seed(${number}); open("/list", "wb").write(random.randbytes(20_000_000))'`;
const own = (/** @type {number} */ number) => `echo ${number} > /own`;
const imageOf = (/** @type {number} */ number) =>
  Image.debianSlim("3.11")
    .runCommands(list(number % LISTS))
    .runCommands(own(number))
    .addLocalFile("code.py", "/code.py", { strategy: "copy" });

/** @typedef {import("./builds.mjs").Builder} Builder */
const ways = {
  "plain `buildx build`": (/** @type {Builder} */ builder) => {
    const repository = newRepository();
    return atOnce((number) => {
      const dockerfile = `FROM ${plainBase()}\nRUN ${list(number % LISTS)}\nRUN ${own(number)}\nCOPY code.py /code.py\n`;
      return builder.plain({ dockerfile, args: ["--output", `type=image,name=${repository}:${number},push=true`] });
    });
  },
  "Slipway, without shared prefixes": (/** @type {Builder} */ builder) => {
    const repository = newRepository();
    const more = { prefixes: { kept: [], stored: 0 } };
    return atOnce((number) => publish(imageOf(number), { repository, builder, more }));
  },
  Slipway: async (/** @type {Builder} */ builder) => {
    const repository = newRepository();
    const [program, shared, limit] = [newProgram(), new SharedBuilds(), pLimit(4)];
    await Promise.all(
      numbers.map(async (number) => {
        const { specs } = await program.resolve(imageOf(number), ["linux/amd64"]);
        const prefixes = await program.planPrefixes(placesOf(repository), specs);
        const owner = `image-${number}`;
        await publish(imageOf(number), { repository, builder, program, more: { prefixes, shared, limit, owner } });
      }),
    );
  },
};
try {
  /** @type {string[][]} */
  const rows = [];
  let peer = Number.NaN;
  for (const [name, work] of Object.entries(ways)) {
    await withBuilder(async (builder) => {
      proxy.reset();
      const { ms } = await timed(name, () => /** @type {Promise<unknown>} */ (work(builder)));
      if (rows.length === 0) peer = ms;
      rows.push([name, seconds(ms), (ms / peer).toFixed(2), megabytes(proxy.bytes.pushed)]);
    });
  }
  console.log(table([`${IMAGES} images over ${LISTS} lists, empty builder`, "time", "ratio", "pushed"], rows));
} finally {
  await endAll();
}

/** @param {(number: number) => Promise<unknown>} work */
function atOnce(work) {
  const limit = pLimit(4);
  return Promise.all(numbers.map((number) => limit(() => work(number))));
}
