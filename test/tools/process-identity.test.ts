import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import {
  endProcess,
  identify,
  isRunning,
  readStart,
  type ProcessIdentity,
} from "../../tools/local/process-identity.mjs";

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

/** A process that waits, once it has run `script`. */
async function start(script: string): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const child = spawn("sh", ["-c", `${script}; echo ready; while :; do sleep 0.05; done`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  await once(child.stdout, "data");
  const identity = identify(child.pid ?? 0);
  if (!identity) throw new Error("it does not run");
  return { child, identity };
}

test("a process is the same at every look, and another one is another", async () => {
  const { identity } = await start(":");
  expect(identify(identity.pid)).toEqual(identity);
  expect(isRunning(identity)).toBe(true);
  expect(identify(process.pid)).not.toEqual(identity);
});

test("a process that ended does not run", async () => {
  const { child, identity } = await start(":");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(identify(identity.pid)).toBeUndefined();
  expect(isRunning(identity)).toBe(false);
});

test("SIGTERM ends a process, SIGKILL one that ignores it", async () => {
  for (const script of [":", "trap '' TERM"]) {
    const { identity } = await start(script);
    await endProcess(identity, { graceMs: 100 });
    expect(isRunning(identity)).toBe(false);
  }
});

test("a process that merely got the pid of ours gets no signal", async () => {
  const { child, identity } = await start(":");
  await endProcess({ pid: identity.pid, startedAt: "another time" }, { graceMs: 100 });
  expect(isRunning(identity)).toBe(true);
  expect(child.signalCode).toBeNull();
});

describe("what Linux says of a process", () => {
  const stat = (state: string, threads: number) =>
    `4711 (a (b) c) ${state} 1 4711 15416 0 -1 4227084 82 0 0 0 0 0 0 0 20 0 ${threads} 0 2149534 0 0 1844 0 0`;

  test("one that runs has a start, whatever its name holds", () => {
    expect(readStart(stat("S", 1))).toBe("2149534");
  });

  test("a zombie has ended, but not while others of its threads run", () => {
    expect(readStart(stat("Z", 1))).toBeUndefined();
    expect(readStart(stat("X", 0))).toBeUndefined();
    expect(readStart(stat("Z", 2))).toBe("2149534");
  });
});
