import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { link, makeTemporaryFolder } from "./stack";

test("requiring slipway loads neither Pulumi nor the AWS SDK", async () => {
  const folder = makeTemporaryFolder();
  link(folder, "slipway");
  link(folder, "@pulumi/pulumi");
  const text = `require("slipway"); console.log(JSON.stringify(Object.keys(require.cache)))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", text], { cwd: folder });
  const loaded: readonly string[] = JSON.parse(stdout);
  expect(loaded.some((path) => path.includes("sdk"))).toBe(true);
  expect(loaded.filter((path) => /@pulumi|@aws-sdk|[\\/]provider[\\/]/.test(path))).toEqual([]);
});
