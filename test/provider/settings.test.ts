import { expect, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { errorOf } from "../sdk/errors";

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
