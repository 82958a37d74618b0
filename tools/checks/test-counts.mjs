import { isRecord } from "../local/json-file.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * Counts the tests of vitest's JSON report. What failed outside of any test counts as one failed test: a file that
 * cannot be loaded, an error that nobody caught, a vitest that left no report.
 * @param {unknown} report
 * @param {number} exitCode of vitest
 * @returns {Counts}
 */
export function countTests(report, exitCode) {
  const files = isRecord(report) && Array.isArray(report["testResults"]) ? report["testResults"].filter(isRecord) : [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const results = Array.isArray(file["assertionResults"]) ? file["assertionResults"].filter(isRecord) : [];
    for (const { status } of results) {
      if (status === "passed") counts.passed += 1;
      else if (status === "failed") counts.failed += 1;
      else counts.skipped += 1;
    }
    if (file["status"] === "failed" && !results.some(({ status }) => status === "failed")) counts.failed += 1;
  }
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** @param {Counts} counts @returns {string} */
export function describeCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}
