import { expect, test } from "vitest";
import { seed, tellCounts } from "../deep/counts";
import { findEqualPairs } from "../deep/edits";
import { broken, sound } from "../deep/hashings";

const count = 2000;

test("of pairs that differ by one edit, none has one hash", () => {
  const { pairs, kinds, examples } = findEqualPairs(sound, { seed, count });
  tellCounts(`edits: seed ${seed}, ${pairs} pairs of ${kinds} kinds, ${examples.length} kinds with one hash`);
  expect(kinds).toBeGreaterThanOrEqual(20);
  expect(examples).toEqual([]);
});

test.each<{ mistake: keyof typeof broken; caught: string[] }>([
  {
    mistake: "unframed",
    caught: [
      "boundary between two items moved",
      "items joined",
      "files: boundary between name and content moved",
      "files: file against empty folder",
      "files: link against a file that holds the target",
    ],
  },
  { mistake: "exec bit ignored", caught: ["files: exec bit", "files: exec bit of the other file"] },
  {
    mistake: "text as latin-1",
    caught: ["character above eight bits", "files: renamed to a character above eight bits"],
  },
  { mistake: "file bytes as text", caught: ["files: byte changed", "files: byte E8 against E9"] },
])("the same pairs catch a hash with the mistake: $mistake", ({ mistake, caught }) => {
  const found = Object.keys(findEqualPairs(broken[mistake], { seed, count }).equal);
  expect(found).toEqual(expect.arrayContaining(caught));
  expect(found).not.toContain("platform");
});
