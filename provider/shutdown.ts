import type { Leftovers } from "./leftovers";

const GRACE_MS = 4_000;

/**
 * A signal that aborts when this process is asked to end: builds stop, what is temporary goes, and then the process
 * ends as it was asked to.
 */
export function endOnSignal(
  leftovers: Leftovers,
  running: () => Promise<unknown> = () => Promise.resolve(),
): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      controller.abort();
      const grace = new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref());
      void Promise.race([running(), grace]).finally(() => {
        leftovers.clear();
        // With our own handler gone this is the end that whoever sent the signal expects.
        process.kill(process.pid, name);
      });
    });
  }
  return controller.signal;
}
