import { expect, test } from "vitest";
import { seed, tellCounts } from "../deep/counts";
import { describeRun, findWrongPairs } from "../deep/edits";
import { broken, sound } from "../deep/hashings";

// Four of each kind: what is random of them is the same each time.
const count = 600;

test("of pairs that differ by one edit, none has one hash, unless it is an edit of what does not count", () => {
  const run = findWrongPairs(sound, { seed, count });
  tellCounts(`edits: seed ${seed}, ${describeRun(run)}`);
  expect(run.kinds).toBeGreaterThanOrEqual(20);
  expect(run.examples).toEqual([]);
});

test.each<{ mistake: keyof typeof broken; caught: string[] }>([
  {
    mistake: "unframed",
    caught: [
      "boundary between two items moved",
      "items joined",
      "mount: file against folder",
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
  { mistake: "file bytes as text", caught: ["files: byte E8 against E9"] },
  {
    mistake: "here-documents left out",
    caught: ["import: here-document body", "import: CRLF in a here-document"],
  },
  {
    mistake: "names for digests",
    caught: ["import: digest of a base", "dockerfile: digest of an image", "free: import: another name of an image"],
  },
  {
    mistake: "the whole file",
    caught: ["free: import: unneeded stage", "free: import: comment", "free: import: continued line"],
  },
])("the same pairs catch a hash with the mistake: $mistake", ({ mistake, caught }) => {
  const found = Object.keys(findWrongPairs(broken[mistake], { seed, count }).wrong);
  expect(found).toEqual(expect.arrayContaining(caught));
  expect(found).not.toContain("platform");
});
