import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findLockFile, updateLockFile } from "../../provider/lock-file";
import { addToLock, EMPTY_LOCK, formatLock, parseLock, type Lock } from "../../sdk/lock";
import { expectCode } from "../fakes/registry-contract";
import { errorOf } from "../sdk/errors";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-lock-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const digest = `sha256:${"a".repeat(64)}`;
function lockOf(...tags: readonly string[]): Lock {
  const base = { digest, platforms: { "linux/amd64": { digest } } };
  return { bases: Object.fromEntries(tags.map((tag) => [`docker.io/library/python:${tag}`, base])) };
}

function write(path: string, text = formatLock(lockOf("3.11"))): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
}

describe("the lock of a program's folder", () => {
  test("is the nearest one on the way up to the repository's root", () => {
    mkdirSync(join(folder, ".git"));
    mkdirSync(join(folder, "apps/api"), { recursive: true });
    const root = write("images.lock.json");
    expect(findLockFile(join(folder, "apps/api"))).toEqual({ path: root, lock: lockOf("3.11") });
    const nearer = write("apps/images.lock.json", formatLock(lockOf("3.12")));
    expect(findLockFile(join(folder, "apps/api"))).toEqual({ path: nearer, lock: lockOf("3.12") });
  });

  test("is never one above the root, also where .git is a file, as in a worktree", () => {
    write("images.lock.json");
    write("clone/.git", "gitdir: elsewhere");
    mkdirSync(join(folder, "clone/apps/api"), { recursive: true });
    const expected = { path: join(folder, "clone/images.lock.json"), lock: undefined };
    expect(findLockFile(join(folder, "clone/apps/api"))).toEqual(expected);
  });

  test("is found without a repository, too: a container has the files without .git", () => {
    mkdirSync(join(folder, "apps/api"), { recursive: true });
    expect(findLockFile(join(folder, "apps/api")).path).toBe(join(folder, "apps/api/images.lock.json"));
    const path = write("images.lock.json");
    expect(findLockFile(join(folder, "apps/api")).path).toBe(path);
  });

  test("is an error where it is damaged or no file, and the error names it", () => {
    const path = write("images.lock.json", "<<<<<<< HEAD\n");
    expect(errorOf(() => findLockFile(folder)).message).toMatch(`${path}: line 1 is a marker of a merge conflict`);
    rmSync(path);
    mkdirSync(path);
    const error = errorOf(() => findLockFile(folder));
    expect(error).toMatchObject({ code: "LOCK_INVALID", text: expect.stringContaining(`${path}: it cannot be read`) });
  });
});

describe("an update", () => {
  const add = (more: Lock) => (lock: Lock) => addToLock(lock, more);

  test("makes the file, and tells what was before", async () => {
    const path = join(folder, "images.lock.json");
    expect(await updateLockFile(path, add(lockOf("3.11")))).toEqual({ before: EMPTY_LOCK, after: lockOf("3.11") });
    expect(readFileSync(path, "utf8")).toBe(formatLock(lockOf("3.11")));
    expect(readdirSync(folder)).toEqual(["images.lock.json"]);
  });

  test("that changes nothing leaves the very file", async () => {
    const path = write("images.lock.json", formatLock(lockOf("3.11")).replaceAll("\n", "\r\n"));
    const { ino, mtimeMs } = statSync(path);
    await updateLockFile(path, add(lockOf("3.11")));
    expect(statSync(path)).toMatchObject({ ino, mtimeMs });
    expect(readdirSync(folder)).toEqual(["images.lock.json"]);
  });

  test("loses nothing of twenty others at once, and a reader never sees half a file", async () => {
    const path = join(folder, "images.lock.json");
    const tags = Array.from({ length: 20 }, (_, index) => `3.${index}`);
    let isDone = false;
    const reading = (async () => {
      for (; !isDone; await new Promise((resolve) => setImmediate(resolve))) {
        if (existsSync(path)) parseLock(readFileSync(path, "utf8"), path);
      }
    })();
    await Promise.all(tags.map((tag) => updateLockFile(path, add(lockOf(tag)))));
    isDone = true;
    await reading;
    expect(findLockFile(folder).lock).toEqual(lockOf(...tags));
  });

  test("goes on after one that was killed", async () => {
    const path = join(folder, "images.lock.json");
    utimesSync(write("images.lock.json.new", "{"), 0, 0);
    await updateLockFile(path, add(lockOf("3.11")));
    expect(readdirSync(folder)).toEqual(["images.lock.json"]);
  });

  test("goes to the file that a link names", async () => {
    const target = write("real/lock.json");
    symlinkSync(target, join(folder, "images.lock.json"));
    await updateLockFile(join(folder, "images.lock.json"), add(lockOf("3.12")));
    expect(readFileSync(target, "utf8")).toBe(formatLock(lockOf("3.11", "3.12")));
  });

  test("of a damaged file is an error and leaves it as it is", async () => {
    const path = write("images.lock.json", "{");
    await expectCode(updateLockFile(path, add(lockOf("3.11"))), "LOCK_INVALID");
    expect(readFileSync(path, "utf8")).toBe("{");
    expect(readdirSync(folder)).toEqual(["images.lock.json"]);
  });

  test("in a folder that cannot be written is an error", async () => {
    const path = join(folder, "gone/images.lock.json");
    const error = await expectCode(updateLockFile(path, add(lockOf("3.11"))), "LOCK_INVALID");
    expect(error.text).toContain(`${path}: it cannot be written: ENOENT`);
  });
});
