// Changed code on an empty builder, over a base of 84 MB and one of some 500 MB more; against plain buildx with a
// cache in the registry (mode=max). BENCH_ROUNDS=3 BENCH_BASE_MB=500
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
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

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const CODE_BYTES = 50_000;
const BASE_MB = Number(process.env["BENCH_BASE_MB"] ?? 500);
const large = `head -c ${BASE_MB}000000 /dev/urandom > /large`;

const ours = newRepository();
const theirs = newRepository();
const small = { name: "base of 84 MB", image: Image.debianSlim("3.11"), lines: "" };
const big = { name: `and a layer of ${BASE_MB} MB`, image: small.image.runCommands(large), lines: `RUN ${large}\n` };

try {
  /** @type {string[][]} */
  const rows = [];
  const builder = await startBuilder();
  mkdirSync("src");
  for (const { name, image, lines } of [small, big]) {
    const cache = `type=registry,ref=${newRepository()}:cache`;
    const code = image
      .workdir("/app")
      .env({ A: "1" })
      .cmd(["python3", "main.py"])
      .addLocalDir("src", "/app", { strategy: "copy" });
    const dockerfile = `FROM ${plainBase()}\n${lines}WORKDIR /app\nENV A=1\nCMD ["python3", "main.py"]\nCOPY src /app\n`;
    const output = ["--output", `type=image,name=${theirs}:1,push=true`];
    writeFileSync("src/main.py", randomBytes(CODE_BYTES));
    await timed("the first image, Slipway", () => publish(code, { repository: ours, builder }));
    await timed("the first image, plain", () =>
      builder.plain({ dockerfile, args: [...output, "--cache-to", `${cache},mode=max`] }),
    );
    /** @type {Record<string, { ms: number, moved: number }[]>} */
    const figures = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      writeFileSync("src/main.py", randomBytes(CODE_BYTES));
      const ways = {
        "plain `buildx build`, registry cache": (/** @type {import("./builds.mjs").Builder} */ one) =>
          one.plain({ dockerfile, args: [...output, "--cache-from", cache] }),
        Slipway: (/** @type {import("./builds.mjs").Builder} */ one) =>
          publish(code, { repository: ours, builder: one }),
      };
      for (const [way, work] of Object.entries(ways)) {
        await withBuilder(async (one) => {
          proxy.reset();
          const { ms } = await timed(way, () => /** @type {Promise<unknown>} */ (work(one)));
          (figures[way] ??= []).push({ ms, moved: proxy.bytes.pulled + proxy.bytes.pushed });
        });
      }
    }
    for (const [way, all] of Object.entries(figures)) {
      const times = all.map(({ ms }) => ms);
      const beyond = median(all.map(({ moved }) => moved)) - CODE_BYTES;
      rows.push([name, way, seconds(median(times)), range(times), megabytes(beyond)]);
    }
  }
  console.log(table(["50 KB of code, empty builder", "", "median", "range", "moved beyond the files"], rows));
} finally {
  await endAll();
}
