import { setTimeout as sleep } from "node:timers/promises";
import type { SlipwayError } from "../sdk/error";
import type { BuildRequest } from "./builder";

/** With the first: three failures in a row are not the end. */
const RUNS = 4;

/** Why the same build may well succeed in a moment: `login` ended meanwhile, or the registry is in `trouble`. */
export type PassingCause = "login" | "trouble" | "stall";

/** A build that failed because of a registry and not because of what was built. */
export class PassingFailure extends Error {
  readonly error: SlipwayError;
  readonly reason: PassingCause;

  constructor(error: SlipwayError, reason: PassingCause) {
    super(error.message);
    this.error = error;
    this.reason = reason;
  }
}

export interface BuildAgainOptions {
  /** How long to wait before run `n` (from 2) of a build that met trouble, in milliseconds. */
  readonly backoffMs?: (run: number) => number;
}

/**
 * Runs a build again where the registry failed it. BuildKit keeps a login for minutes, and a token may end sooner; it
 * gives up a push after some tries. The same build once more finds its work in the cache and pushes what is lacking.
 */
export async function buildAgain(
  request: Pick<BuildRequest, "onProgress" | "signal">,
  run: () => Promise<string>,
  { backoffMs = (next) => 1_000 * 2 ** (next - 2) }: BuildAgainOptions = {},
): Promise<string> {
  for (let next = 2; ; next += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      // A login that is refused twice is no login that ended.
      const runs = error.reason === "login" ? RUNS - 1 : RUNS;
      if (next > runs || request.signal.aborted) throw error.error;
      request.onProgress({ text: TEXTS[error.reason] });
      await sleep(backoffMs(next), undefined, { signal: request.signal }).catch(() => undefined);
    }
  }
}

const TEXTS = {
  login: "the registry's login ended meanwhile; once more with a new one",
  trouble: "the registry failed; once more with what is in the builder's cache",
  stall: "the push stands still; once more with what is in the builder's cache",
} as const satisfies Record<PassingCause, string>;

/** Whether BuildKit's error is a registry's, and may pass; what a step printed is none. */
export function passingCause(error: string): Exclude<PassingCause, "stall"> | undefined {
  if (/did not complete successfully/.test(error)) return undefined;
  if (/\b401\b|unauthorized|token has expired|authentication required|no basic auth credentials/i.test(error)) {
    return "login";
  }
  const passes =
    /\b(408|429|5\d\d) |too ?many ?requests|connection (reset|refused)|broken pipe|\bEOF\b|timeout|unexpected commit|blob (sha256:\w+ )?unknown to registry/i;
  return isRegistrys(error) && passes.test(error) ? "trouble" : undefined;
}

/** Whether BuildKit's error is of a registry that it asked. */
export function isRegistrys(error: string): boolean {
  return /failed to (push|authorize|do request|copy|fetch|resolve|get reader)|unexpected status/i.test(error);
}
