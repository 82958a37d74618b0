// npm run test:deep [NAME…]: what npm test does on samples, here in full. A seed that found something finds it again:
// DEEP_SEED=7 npm run test:deep hash-checker. A count is changed in the same way, by its variable below.
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTests } from "./local/run-tests.mjs";

const counts = {
  DEEP_CACHE_EDITS: "5000",
  DEEP_SPECS: "10000",
  DEEP_EDIT_PAIRS: "1000000",
  DEEP_EDITED_BUILDS: "300",
  DEEP_HOSTILE_TEXTS: "10000",
  DEEP_HOSTILE_BUILDS: "60",
  DEEP_FAULTS: "500",
  DEEP_KILLS: "210", // 14 at each place to each victim, so 42 at each place
  DEEP_UPS: "16",
};

const folder = mkdtempSync(join(tmpdir(), "slipway-test-deep-"));
const report = join(folder, "report");
try {
  await runTests({
    args: ["--project", "deep", ...process.argv.slice(2).map((name) => `test/deep/${name}`)],
    env: {
      DEEP_SEED: String(randomInt(2 ** 31)),
      ...counts,
      // Seed and counts of the caller's, and nothing else: his PATH would hide the local environment's.
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("DEEP_"))),
      DEEP: "1", // vitest.config.mts knows the project only then.
      DEEP_REPORT: report,
    },
    sayMore: () => {
      if (existsSync(report)) console.log(readFileSync(report, "utf8").trimEnd());
    },
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
