import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { findEqualPairs } from "./edits";
import { sound } from "./hashings";

test("of many pairs that differ by one edit, none has one hash", { timeout: 30 * 60_000 }, () => {
  const started = performance.now();
  const { pairs, kinds, equal, examples } = findEqualPairs(sound, {
    seed,
    count: countOf("DEEP_EDIT_PAIRS", 1_000_000),
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  const equalPairs = Object.values(equal).reduce((sum, count) => sum + count, 0);
  tellCounts(`edits: seed ${seed}, ${pairs} pairs of ${kinds} kinds, ${equalPairs} with one hash (${seconds} s)`);
  expect(examples).toEqual([]);
});
