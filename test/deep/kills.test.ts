import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { describeKills, runKills } from "./kills";

const timeout = 3 * 60 * 60_000;

test(
  "a kill at any moment leaves no wrong tag, and the next build succeeds and leaves nothing behind",
  { timeout },
  async () => {
    const run = await runKills({ seed, count: countOf("DEEP_KILLS", 15) });
    tellCounts(`kills: seed ${seed}, ${describeKills(run)}`);
    expect(run.wrong).toEqual([]);
  },
);

test("a commit that puts the tag first is caught by the same kills", { timeout }, async () => {
  const bin = mkdtempSync(join(tmpdir(), "slipway-kills-bin-"));
  const real = (process.env["PATH"] ?? "").split(delimiter).find((folder) => existsSync(join(folder, "buildx")));
  // buildx pushes to a tag at once, instead of by digest.
  writeFileSync(
    join(bin, "buildx"),
    `#!/usr/bin/env node
const { spawnSync } = require("node:child_process");
const tag = "0".repeat(64);
const args = process.argv.slice(2).map((arg) => arg.startsWith("type=image")
  ? arg.replace(/"name=([^"]*)"/, '"name=$1:' + tag + '"').replace("push-by-digest=true,name-canonical=true,", "") : arg);
process.exit(spawnSync(${JSON.stringify(join(real ?? "", "buildx"))}, args, { stdio: "inherit" }).status ?? 1);
`,
  );
  chmodSync(join(bin, "buildx"), 0o755);
  try {
    const run = await runKills({ seed, count: 2, bin, only: [["between push and tag", "client"]] });
    expect(run.wrong.join("\n")).toContain("it carries another hash");
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
});
