import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { IMPORTS, makeStack, makeTemporaryFolder, pulumi } from "./stack";

const PROGRAM = `${IMPORTS}
const image = Image.debianSlim("3.11").runCommands("echo ${process.pid} > /pid");
new BuiltImage("api", { image, repository: ociRepository("localhost:5000/hostile-${process.pid}") });
`;

test("an up whose temporary folder is read-only is an error that names it; a read-only home is no matter", async ({
  skip,
}) => {
  const stack = await makeStack({ "index.ts": PROGRAM });
  const readOnly = makeTemporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,ro", "tmpfs", readOnly], { stdio: "ignore" });
  } catch {
    return skip("mounting a folder read-only needs root");
  }
  onTestFinished(() => void execFileSync("umount", ["-l", readOnly]));
  const failed = await pulumi(stack, "up", { env: { TMPDIR: readOnly } });
  expect(failed.exitCode).not.toBe(0);
  expect(failed.text).toMatch(/temporary folder .*: it cannot be made: E.*Set TMPDIR to a folder that can be written/);
  const writable = makeTemporaryFolder();
  const built = await pulumi(stack, "up", { env: { HOME: readOnly, TMPDIR: writable } });
  expect(built).toMatchObject({ exitCode: 0, steps: { api: ["create"] } });
  const left = readdirSync(writable, { recursive: true, encoding: "utf8" });
  expect(left.filter((name) => /^slipway-\d+\//.test(name))).toEqual([]);
});
