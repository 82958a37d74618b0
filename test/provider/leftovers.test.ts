import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Leftovers } from "../../provider/leftovers";
import { SlipwayError } from "../../sdk/error";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "slipway-leftovers-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The id of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

test("each folder is new, empty and this user's alone", () => {
  const leftovers = new Leftovers(join(root, "not/there/yet"));
  const one = leftovers.makeFolder("build");
  const other = leftovers.makeFolder("build");
  expect(other).not.toBe(one);
  expect(basename(one)).toMatch(/^build-/);
  for (const folder of [one, dirname(one)]) expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(one)).toEqual([]);
});

test("what a process that is dead left behind is removed, what one that runs has is kept", () => {
  const dead = String(deadPid());
  const running = String(process.ppid);
  for (const name of [dead, running, "1", "not-a-pid"]) mkdirSync(join(root, name, "build-x"), { recursive: true });
  writeFileSync(join(root, dead, "build-x", "file"), "left");
  new Leftovers(root).makeFolder("build");
  expect(readdirSync(root).sort()).toEqual([...new Set(["1", running, String(process.pid)])].sort());
});

test("what an earlier process with our own id left behind is removed, once", () => {
  mkdirSync(join(root, String(process.pid), "old"), { recursive: true });
  const leftovers = new Leftovers(root);
  const first = leftovers.makeFolder("first");
  const second = leftovers.makeFolder("second");
  expect(existsSync(first) && existsSync(second)).toBe(true);
  expect(readdirSync(join(root, String(process.pid)))).toHaveLength(2);
});

test("what was left can be swept by a process that needs no folder, and a root that is not there or not ours is left", () => {
  mkdirSync(join(root, String(deadPid()), "build-x"), { recursive: true });
  new Leftovers(root).sweep();
  expect(readdirSync(root)).toEqual([]);
  const missing = join(root, "not-there");
  new Leftovers(missing).sweep();
  expect(existsSync(missing)).toBe(false);
  symlinkSync("/", join(root, "link"));
  new Leftovers(join(root, "link")).sweep();
});

test("nothing is swept before something is needed", () => {
  mkdirSync(join(root, String(deadPid())));
  expect(new Leftovers(root)).toBeDefined();
  expect(readdirSync(root)).toHaveLength(1);
});

test("clearing removes all of this process and nothing of another", () => {
  const leftovers = new Leftovers(root);
  mkdirSync(join(root, String(process.ppid)));
  writeFileSync(join(leftovers.makeFolder("build"), "file"), "content");
  leftovers.clear();
  leftovers.clear();
  expect(readdirSync(root)).toEqual([String(process.ppid)]);
  expect(existsSync(leftovers.makeFolder("again"))).toBe(true);
});

test("a folder that cannot be made is an error that says what to set", () => {
  writeFileSync(join(root, "file"), "");
  const make = () => new Leftovers(join(root, "file")).makeFolder("build");
  expect(make).toThrow(SlipwayError);
  expect(make).toThrow("Set TMPDIR to a folder that can be written.");
});

test("a root that is a link is refused: its name can be guessed, and where it leads is not ours to say", () => {
  const link = join(root, "link");
  mkdirSync(join(root, "elsewhere"));
  symlinkSync(join(root, "elsewhere"), link);
  expect(() => new Leftovers(link).makeFolder("build")).toThrow(/belongs to somebody else.*\n?.*TMPDIR/);
  expect(readdirSync(join(root, "elsewhere"))).toEqual([]);
});
