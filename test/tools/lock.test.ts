import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "../../tools/local/lock.mjs";

const lockModule = new URL("../../tools/local/lock.mjs", `file://${__filename}`).href;
let folder = "";
let lock = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-lock-"));
  lock = join(folder, "lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A Node process that does something while it holds the lock. */
function startHolder(work: string) {
  const program = `
    const { withLock } = await import(${JSON.stringify(lockModule)});
    const { readFileSync, writeFileSync } = await import("node:fs");
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await withLock(${JSON.stringify(lock)}, () => {}, async (share) => { ${work} });`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
}

test("of several processes one at a time does the work", async () => {
  const count = join(folder, "count");
  writeFileSync(count, "0");
  const add = `
    const before = Number(readFileSync(${JSON.stringify(count)}, "utf8"));
    await sleep(20);
    writeFileSync(${JSON.stringify(count)}, String(before + 1));`;
  await Promise.all(Array.from({ length: 4 }, () => once(startHolder(add), "exit")));
  expect(readFileSync(count, "utf8")).toBe("4");
});

test("of several calls in one process one at a time does the work", async () => {
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 10));
    order.push(`${name} ends`);
  };
  await Promise.all([withLock(lock, () => {}, work("one")), withLock(lock, () => {}, work("two"))]);
  expect(order).toEqual(["one begins", "one ends", "two begins", "two ends"]);
});

test("the lock of a process that was killed is free", async () => {
  const holder = startHolder(`console.log("held"); await sleep(60_000);`);
  await once(holder.stdout, "data");
  expect(existsSync(lock)).toBe(true);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  expect(
    await withLock(
      lock,
      () => {},
      () => Promise.resolve("ours"),
    ),
  ).toBe("ours");
});

test("a child that outlives its killed parent goes on holding the lock that they share", async () => {
  const holder = startHolder(`
    const { spawn } = await import("node:child_process");
    share(spawn("sleep", ["0.7"], { stdio: "ignore" }).pid);
    console.log("held");
    await sleep(60_000);`);
  await once(holder.stdout, "data");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const start = performance.now();
  await withLock(
    lock,
    () => {},
    () => Promise.resolve(),
  );
  expect(performance.now() - start).toBeGreaterThan(200);
});

test("a lock file that was left empty long ago is free", async () => {
  writeFileSync(lock, "");
  utimesSync(lock, 0, 0);
  expect(
    await withLock(
      lock,
      () => {},
      () => Promise.resolve("ours"),
    ),
  ).toBe("ours");
});

test("work that fails frees the lock", async () => {
  await expect(
    withLock(
      lock,
      () => {},
      () => Promise.reject(new Error("no luck")),
    ),
  ).rejects.toThrow("no luck");
  expect(existsSync(lock)).toBe(false);
});
