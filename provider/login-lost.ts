import type { SlipwayError } from "../sdk/error";
import type { BuildRequest } from "./builder";

/** A build that failed because a registry did not take its login any more. */
export class LoginLost extends Error {
  readonly error: SlipwayError;

  constructor(error: SlipwayError) {
    super(error.message);
    this.error = error;
  }
}

/**
 * BuildKit keeps a login for minutes, and a token may end sooner, so a push can fail after all work is done. The same
 * build once more finds that work in the cache and asks for a new login.
 */
export async function runTwiceIfNeeded(
  request: Pick<BuildRequest, "onProgress">,
  run: () => Promise<string>,
): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof LoginLost)) throw error;
  }
  request.onProgress({ text: "the registry's login ended meanwhile; once more with a new one" });
  try {
    return await run();
  } catch (error) {
    throw error instanceof LoginLost ? error.error : error;
  }
}

/** Whether BuildKit's error is a registry's refusal, and not what a step printed. */
export function isLoginLost(error: string): boolean {
  if (/did not complete successfully/.test(error)) return false;
  return /\b401\b|unauthorized|token has expired|authentication required|no basic auth credentials/i.test(error);
}
