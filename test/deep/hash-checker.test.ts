import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { compareHashes } from "./hash-checker";

test("the sdk and the checker, written from docs/hash.md alone, compute the same hashes", async () => {
  const { differing, ...counts } = await compareHashes({ seed, count: countOf("DEEP_SPECS", 10_000) });
  const told = `${counts.specs} specs, ${counts.imports} of imports, ${counts.trees} trees, ${counts.folders} folders on disk`;
  tellCounts(`hash-checker: seed ${seed}, ${told}; ${counts.compared} hashes compared, ${differing.length} differ`);
  expect(differing.slice(0, 3)).toEqual([]);
}, 900_000);
