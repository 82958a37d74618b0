/** @typedef {(line: string) => void} Log */

/**
 * Runs something slow and writes a line every 10 seconds, so that nobody wonders whether it hangs (also in a CI log).
 * @template T
 * @param {Log} log
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<{ value: T, seconds: number }>}
 */
export async function withElapsed(log, what, work) {
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  const timer = setInterval(() => log(`  … ${what} (${seconds()} s)`), 10_000);
  try {
    return { value: await work(), seconds: seconds() };
  } finally {
    clearInterval(timer);
  }
}
