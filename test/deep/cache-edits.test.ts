import { expect, test, vi } from "vitest";
import { makeFolder } from "../sdk/folder";
import { editCached } from "./cache-edits";
import { countOf, seed, tellCounts } from "./counts";
import { Random } from "./random";

const broken = vi.hoisted(() => ({ isWithoutCtime: false }));
vi.mock("../../sdk/hash-cache", async (load: () => Promise<typeof import("../../sdk/hash-cache.js")>) => {
  const sound = await load();
  const stampOf: typeof sound.stampOf = (stats) =>
    sound.stampOf(broken.isWithoutCtime ? Object.assign(Object.create(stats), { ctimeNs: 1n }) : stats);
  return { ...sound, stampOf };
});

test("after any edits the hash with a cache is the one without", { timeout: 60 * 60_000 }, async () => {
  const run = await editCached(makeFolder(), new Random(seed), countOf("DEEP_CACHE_EDITS", 5_000));
  const made = Object.values(run.edits).reduce((sum, count) => sum + count, 0);
  const known = Math.round((100 * run.filesKnown) / (run.filesKnown + run.filesRead));
  tellCounts(
    `cache-edits: seed ${seed}, ${made} edits of ${Object.keys(run.edits).length} kinds in ${run.rounds} rounds, ` +
      `${known} % of the files known, ${run.fooledBy.length} wrong hashes`,
  );
  expect(run.fooledBy).toEqual([]);
  expect(known).toBeGreaterThan(90);
});

test("a key without ctime is found out", { timeout: 5 * 60_000 }, async () => {
  broken.isWithoutCtime = true;
  const run = await editCached(makeFolder(), new Random(seed), 200);
  broken.isWithoutCtime = false;
  tellCounts(`cache-edits: without ctime ${run.fooledBy.length} of ${run.rounds} hashes are wrong`);
  expect(run.fooledBy.length).toBeGreaterThan(100);
});
