import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("whoever warms nothing loads nothing of Kubernetes", () => {
  const script =
    'require("./dist/provider/index.js"); require("./dist/provider/lifecycle.js").provider();' +
    "console.log(Object.keys(require.cache).filter((path) => /node_modules.@(kubernetes|pulumi.kubernetes)/.test(path)).length)";
  expect(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }).trim()).toBe("0");
});

test("a preview of unchanged images loads nothing that builds or asks registries", () => {
  const script =
    'require("./dist/provider/lifecycle.js").provider();' +
    "console.log(Object.keys(require.cache).filter((path) => /provider.(apply|builders|buildkit|registries|publish|await-warm)\\.js$/.test(path)).length)";
  expect(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }).trim()).toBe("0");
});
