import { expect, test } from "vitest";
import { countTests, describeCounts } from "../../tools/checks/test-counts.mjs";

const report = (...files: { status: string; tests: string[] }[]) => ({
  testResults: files.map(({ status, tests }) => ({ status, assertionResults: tests.map((one) => ({ status: one })) })),
});

test("tests are counted, and what did not run is skipped", () => {
  const counts = countTests(
    report(
      { status: "failed", tests: ["passed", "failed", "pending"] },
      { status: "passed", tests: ["passed", "todo"] },
    ),
    1,
  );
  expect(describeCounts(counts)).toBe("2 passed, 1 failed, 2 skipped");
});

test("a file that could not be loaded is one failed test", () => {
  const counts = countTests(report({ status: "failed", tests: [] }, { status: "passed", tests: ["passed"] }), 1);
  expect(describeCounts(counts)).toBe("1 passed, 1 failed");
});

test("a failure outside of all tests, or a run without a report, is one failed test", () => {
  expect(describeCounts(countTests(report({ status: "passed", tests: ["passed"] }), 1))).toBe("1 passed, 1 failed");
  expect(describeCounts(countTests(undefined, 130))).toBe("0 passed, 1 failed");
});

test("no tests at all is no failure", () => {
  expect(describeCounts(countTests(report(), 0))).toBe("0 passed, 0 failed");
});
