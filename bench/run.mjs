// npm run bench [NAME…]: the figures, one script each; bench/README.md keeps the last table.
import { spawnSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

const reuse = ["package", "code", "adopt", "shared", "large"].map((name) => `reuse-${name}`);
const given = process.argv.length > 2 ? process.argv.slice(2) : ["import", "tree-hash"];
const names = given.flatMap((name) => (name === "reuse" ? reuse : [name]));
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}\n`);
for (const name of names) {
  const before = loadavg()[0] ?? 0;
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.mjs`, import.meta.url))], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
  console.log(`\n${name}: load ${before.toFixed(0)} at the start and ${(loadavg()[0] ?? 0).toFixed(0)} at the end\n`);
}
