import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { describeRun, editDuringBuilds, total } from "./edit-during-build";
import { folderBuilder, soundBuilder } from "./edited-builders";

const timeout = 60 * 60_000;

test(
  "of many builds that an edit meets, none gives an image of another content than its hash",
  { timeout },
  async () => {
    const started = performance.now();
    const run = await editDuringBuilds(soundBuilder, { seed, count: countOf("DEEP_EDITED_BUILDS", 300) });
    const seconds = Math.round((performance.now() - started) / 1000);
    tellCounts(`edit-during-build: seed ${seed}, ${describeRun(run)} (${seconds} s)`);
    expect(run.wrong).toEqual([]);
    expect(run.unclear).toEqual([]);
    expect(run.missed).toEqual([]);
    expect(total(run.refused)).toBeGreaterThan(run.builds / 10);
    expect(total(run.right)).toBeGreaterThan(run.builds / 10);
  },
);

test("the same edits give wrong images where buildx reads the folder that was hashed", { timeout }, async () => {
  const count = Math.ceil(countOf("DEEP_EDITED_BUILDS", 300) / 5);
  const broken = { seed, count, only: ["hashing", "hashed", "listed"], forms: ["folder"] } as const;
  const run = await editDuringBuilds(folderBuilder, broken);
  tellCounts(
    `edit-during-build: seed ${seed}, caught ${run.wrong.length} wrong images in ${count} builds of the broken kind`,
  );
  expect(run.wrong.length).toBeGreaterThan(count / 4);
});
