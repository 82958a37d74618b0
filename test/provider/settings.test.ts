import { expect, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { errorOf } from "../sdk/errors";

test("the compression is one that layers can have, or an error that names them", () => {
  expect(readSettings({}).compression).toBeUndefined();
  expect(
    readSettings({ SLIPWAY_COMPRESSION: "zstd" }, (name) => (name === "compression" ? "gzip" : undefined)).compression,
  ).toBe("gzip");
  const error = errorOf(() => readSettings({ SLIPWAY_COMPRESSION: "xz" }));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", hint: "Write gzip or zstd, or unset it." });
  expect(error).toMatchObject({ message: expect.stringContaining('SLIPWAY_COMPRESSION: "xz" is no compression') });
});

test("the stack's configuration goes before the environment", () => {
  const env = { SLIPWAY_REPOSITORY: "localhost:5000/env", SLIPWAY_BUILDER: " mine " };
  const settings = readSettings(env, (name) => (name === "repository" ? "localhost:5000/config" : undefined));
  expect(settings).toEqual({ repository: "localhost:5000/config", builder: "mine", mirrors: [], lock: "read" });
});

test("SLIPWAY_LOCK is write or nothing", () => {
  expect(readSettings({ SLIPWAY_LOCK: "write" }).lock).toBe("write");
  expect(readSettings({ SLIPWAY_LOCK: "" }).lock).toBe("read");
  const error = errorOf(() => readSettings({ SLIPWAY_LOCK: "1" }));
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toBe(
    'SLIPWAY_LOCK: "1" is no way to use a lock. ' +
      "SLIPWAY_LOCK=write records what a run resolves; unset it to read the lock.",
  );
});

test("digests are kept among the user's caches, unless that is off or there is no such place", () => {
  const folderOf = (env: NodeJS.ProcessEnv): string | undefined => readSettings(env).hashCache?.folder;
  const home = { HOME: "/home/me" };
  expect(folderOf(home)).toBe("/home/me/.cache/slipway/hashes");
  expect(folderOf({ ...home, XDG_CACHE_HOME: "/caches", SLIPWAY_HASH_CACHE: "on" })).toBe("/caches/slipway/hashes");
  expect(folderOf({ ...home, XDG_CACHE_HOME: "caches" })).toBe("/home/me/.cache/slipway/hashes");
  expect(folderOf({ ...home, SLIPWAY_HASH_CACHE: "off" })).toBeUndefined();
  expect(folderOf({})).toBeUndefined();
  const error = errorOf(() => readSettings({ SLIPWAY_HASH_CACHE: "no" }));
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toBe('SLIPWAY_HASH_CACHE: "no" is neither on nor off. Unset it, or set it to off.');
});
