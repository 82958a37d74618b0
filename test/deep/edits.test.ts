import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { describeRun, findWrongPairs } from "./edits";
import { sound } from "./hashings";

test(
  "of many pairs that differ by one edit, none has one hash, unless it is an edit of what does not count",
  {
    timeout: 60 * 60_000,
  },
  () => {
    const started = performance.now();
    const run = findWrongPairs(sound, { seed, count: countOf("DEEP_EDIT_PAIRS", 1_000_000) });
    const seconds = Math.round((performance.now() - started) / 1000);
    tellCounts(`edits: seed ${seed}, ${describeRun(run)} (${seconds} s)`);
    expect(run.examples).toEqual([]);
  },
);
