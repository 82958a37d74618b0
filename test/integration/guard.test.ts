import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { identify } from "../../tools/local/process-identity.mjs";
import { until } from "../e2e/stack";

const guard = join(__dirname, "../../dist/provider/guard.js");

/** A process with a silent child that it guards; `end` is done in it when it gets a line. */
async function startParent(end: string) {
  const script = `const { spawn } = require("node:child_process");
const child = spawn("sleep", ["60"]);
const unguard = require(${JSON.stringify(guard)}).guardChild(child.pid);
console.log(child.pid);
process.stdin.once("data", () => { ${end} });`;
  const parent = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: parent.stdout }), "line");
  return { parent, child: Number(line) };
}

test("a guarded child that is silent ends when its parent is killed with kill -9", async () => {
  const { parent, child } = await startParent("");
  expect(identify(child)).toBeDefined();
  parent.kill("SIGKILL");
  await until(() => identify(child) === undefined, 5_000, "the child has ended");
});

test("a child that is not guarded any more is left alone", async () => {
  const { parent, child } = await startParent("unguard(); setTimeout(() => process.exit(), 100);");
  parent.stdin.write("end\n");
  await once(parent, "exit");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(identify(child)).toBeDefined();
  process.kill(child, "SIGKILL");
});
