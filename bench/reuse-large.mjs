// The first build of an image with a layer of 2 GB, half of it random and half text: plain `buildx build --push` (gzip)
// against Slipway with gzip and zstd, and what of that rewriting times costs. BENCH_LARGE_MB=2000
// BENCH_ROUNDS=1
import { table } from "./figures.mjs";
import {
  direct,
  endAll,
  Image,
  megabytes,
  newRepository,
  plainBase,
  publish,
  range,
  seconds,
  timed,
  withBuilder,
} from "./builds.mjs";

const MEGABYTES = Number(process.env["BENCH_LARGE_MB"] ?? 2000);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 1);
const half = MEGABYTES / 2;
const command = `head -c ${half}000000 /dev/urandom > /random && yes "a line of text, and another one" | head -c ${half}000000 > /text`;

/** @typedef {import("./builds.mjs").Builder} Builder */
/** The attributes of Slipway's output, but for what is asked for. @param {string} more */
const plain = (more) => async (/** @type {Builder} */ builder) => {
  const repository = newRepository(direct);
  const dockerfile = `FROM ${plainBase()}\nRUN ${command}\n`;
  const flags = more === "" ? [] : ["--build-arg", "SOURCE_DATE_EPOCH=0"];
  const output = `type=image,name=${repository}:1,push=true${more}`;
  await builder.plain({ dockerfile, args: [...flags, "--output", output] });
};
const slipway = (/** @type {"gzip" | "zstd"} */ compression) => (/** @type {Builder} */ builder) =>
  publish(Image.debianSlim("3.11").runCommands(command), { repository: newRepository(direct), builder, compression });
const attributes = ",oci-mediatypes=true,store=false";
const ways = {
  "plain `buildx build`": plain(""),
  "Slipway, gzip": slipway("gzip"),
  "… without `rewrite-timestamp`": plain(`${attributes},compression=gzip`),
  "Slipway, zstd": slipway("zstd"),
  " … without `rewrite-timestamp`": plain(`${attributes},compression=zstd`),
};
try {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = Object.entries(ways);
    // What runs first finds another machine than what runs last.
    for (const [name, work] of round % 2 === 0 ? order : order.reverse()) {
      await withBuilder(async (builder) => {
        await builder.plain({ dockerfile: `FROM ${plainBase()}\nRUN true\n`, args: ["--output", "type=cacheonly"] });
        const { ms } = await timed(name, () => /** @type {Promise<unknown>} */ (work(builder)));
        times[name]?.push(ms);
      });
    }
  }
  const [peer = []] = Object.values(times);
  const mean = (/** @type {readonly number[]} */ all) => all.reduce((sum, ms) => sum + ms, 0) / all.length;
  const rows = Object.entries(times).map(([name, all]) => [
    name.trim(),
    seconds(mean(all)),
    range(all),
    (mean(all) / mean(peer)).toFixed(2),
  ]);
  console.log(table([`a layer of ${megabytes(MEGABYTES * 1e6)}, first build`, "mean", "range", "ratio"], rows));
} finally {
  await endAll();
}
