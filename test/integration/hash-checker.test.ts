import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { countOf, seed, tellCounts } from "../deep/counts";
import { askChecker, compareHashes, mistakes, runChecker } from "../deep/hash-checker";

test("the checker, written from docs/hash.md alone, agrees with every golden vector", async () => {
  expect(await runChecker(["vectors", join(__dirname, "../golden")])).toMatch(/^[1-9]\d* vectors agree, 0 differ\n$/);
});

test("the sdk and the checker compute the same hashes", async () => {
  const { differing, compared, specs, imports } = await compareHashes({ seed, count: countOf("CHECKED_SPECS", 300) });
  tellCounts(
    `hash-checker: seed ${seed}, ${specs} specs, ${imports} of imports; ${compared} hashes compared, ${differing.length} differ`,
  );
  expect(differing.slice(0, 3)).toEqual([]);
});

test.each(mistakes)("a checker that makes the mistake %s is caught", async (breaking) => {
  const { differing, compared } = await compareHashes({ seed, count: 100 }, breaking);
  expect(differing.length).toBeGreaterThan(3);
  expect(differing.length).toBeLessThan(compared);
});

test("an unpaired surrogate is refused by the checker", async () => {
  const request = { format: "image/v2", platform: "linux/amd64", base: { digest: "" }, steps: [] };
  const steps = [{ kind: "run", command: "\ud800" }];
  expect(await askChecker([JSON.stringify({ ...request, steps })])).toEqual([
    "refused: an unpaired surrogate has no UTF-8",
  ]);
});

test("without python3 the comparison fails and names what to install", async () => {
  vi.stubEnv("PATH", "/nowhere");
  await expect(askChecker([]).finally(() => vi.unstubAllEnvs())).rejects.toThrow(
    "python3 cannot be started. Install it (Debian: apt-get install python3), then run the test again.",
  );
});
