// What `require` of the library costs over bare Node, start to end of the process. Medians of 15, alternating.
import { spawnSync } from "node:child_process";
import { median, spread, table } from "./figures.mjs";

const cases = {
  "bare node": "0",
  'require("slipway")': 'require("slipway")',
  'require("@pulumi/pulumi")': 'require("@pulumi/pulumi")',
  'require("slipway/pulumi")': 'require("slipway/pulumi")',
};
/** @type {Record<string, number[]>} */
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < 15; round += 1) {
  for (const [name, code] of Object.entries(cases)) {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, ["-e", code], { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`${name}: exit code ${status}`);
    times[name]?.push(performance.now() - start);
  }
}
const bare = median(times["bare node"] ?? []);
console.log(
  table(
    ["whole process", "median", "range", "over bare node"],
    Object.entries(times).map(([name, all]) => [
      name,
      `${median(all).toFixed(0)} ms`,
      spread(all),
      `${(median(all) - bare).toFixed(0)} ms`,
    ]),
  ),
);
