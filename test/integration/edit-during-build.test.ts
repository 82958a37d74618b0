import { expect, test } from "vitest";
import { seed, tellCounts } from "../deep/counts";
import { describeRun, editDuringBuilds, total } from "../deep/edit-during-build";
import { folderBuilder, soundBuilder } from "../deep/edited-builders";

test("a build that an edit meets is refused by name, or gives an image of the content that was hashed", async () => {
  const run = await editDuringBuilds(soundBuilder, { seed, count: 15 });
  tellCounts(`edit-during-build: seed ${seed}, ${describeRun(run)}`);
  expect(run.wrong).toEqual([]);
  expect(run.unclear).toEqual([]);
  expect(run.missed).toEqual([]);
  expect(total(run.refused)).toBeGreaterThan(3);
  expect(total(run.right)).toBeGreaterThan(3);
});

test("the same edits give wrong images where buildx reads the folder that was hashed", async () => {
  const broken = { seed, count: 4, only: ["hashed", "listed"], forms: ["folder"] } as const;
  const { wrong } = await editDuringBuilds(folderBuilder, broken);
  expect(wrong.length).toBeGreaterThan(1);
});
