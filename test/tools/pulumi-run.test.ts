import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeDeadLocks } from "../../tools/local/pulumi-run.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-locks-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a stack's lock goes when the process that took it is gone, and only then", () => {
  const stack = join(folder, "organization", "project", "dev");
  mkdirSync(stack, { recursive: true });
  const lock = (name: string, pid: number, host: string): void => {
    writeFileSync(join(stack, `${name}.json`), JSON.stringify({ pid, username: "root", hostname: host }));
    writeFileSync(join(stack, `${name}.json.attrs`), "{}");
  };
  const gone = spawnSync("true").pid;
  lock("gone", gone, hostname());
  lock("running", process.pid, hostname());
  lock("elsewhere", gone, "another-machine");
  expect(removeDeadLocks(folder)).toBe(true);
  expect(readdirSync(stack).sort()).toEqual([
    "elsewhere.json",
    "elsewhere.json.attrs",
    "running.json",
    "running.json.attrs",
  ]);
  expect(removeDeadLocks(folder)).toBe(false);
});

test("a clone without any state has no locks", () => {
  expect(removeDeadLocks(join(folder, "missing"))).toBe(false);
});
