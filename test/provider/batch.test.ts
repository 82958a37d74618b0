import { expect, test } from "vitest";
import { Batch } from "../../provider/batch";

function makeBatch(maxKeys = 100) {
  const runs: (readonly string[])[] = [];
  const batch = new Batch<string>({
    maxKeys,
    quietMs: 5,
    run: (keys) => {
      runs.push(keys);
      if (keys.includes("bad")) return Promise.reject(new Error("bad was asked"));
      return Promise.resolve(new Map(keys.filter((key) => key !== "none").map((key) => [key, `${key}!`])));
    },
  });
  return { batch, runs };
}

test("questions that come together are one request, and the same one is asked once", async () => {
  const { batch, runs } = makeBatch();
  expect(await Promise.all(["a", "b", "a", "none"].map((key) => batch.load(key)))).toEqual([
    "a!",
    "b!",
    "a!",
    undefined,
  ]);
  expect(runs).toEqual([["a", "b", "none"]]);
});

test("a full request is sent at once", async () => {
  const { batch, runs } = makeBatch(2);
  await Promise.all(["a", "b", "c"].map((key) => batch.load(key)));
  expect(runs).toEqual([["a", "b"], ["c"]]);
});

test("an answer is not remembered: the next one may be another", async () => {
  const { batch, runs } = makeBatch();
  await batch.load("a");
  await batch.load("a");
  expect(runs).toHaveLength(2);
});

test("a request that fails fails for all that were in it, and for nobody else", async () => {
  const { batch } = makeBatch();
  const outcomes = await Promise.allSettled([batch.load("a"), batch.load("bad")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await batch.load("a")).toBe("a!");
});

test("whoever gives up does not wait, and the others get their answers", async () => {
  const { batch } = makeBatch();
  const controller = new AbortController();
  const given = batch.load("a", controller.signal);
  const other = batch.load("b");
  controller.abort(new Error("stopped"));
  await expect(given).rejects.toThrow("stopped");
  expect(await other).toBe("b!");
});
