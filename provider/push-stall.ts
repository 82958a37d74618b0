import { SlipwayError } from "../sdk/error";
import type { RepositoryAddress } from "./registry";

/**
 * A push whose end nobody hears of for so long hangs: BuildKit waits for ever for a registry that is silent, and tells
 * nothing between a push's beginning and its end, however large the layers are.
 */
export const PUSH_STALL_MS = 30 * 60_000;

/** Runs out where nothing is heard for too long while it is set. */
export class StallTimer {
  hasEnded = false;
  readonly #afterMs: number;
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(afterMs: number, onEnd: () => void) {
    this.#afterMs = afterMs;
    this.#onEnd = onEnd;
  }

  set(isOn: boolean): void {
    clearTimeout(this.#timer);
    if (!isOn) return;
    this.#timer = setTimeout(() => {
      this.hasEnded = true;
      this.#onEnd();
    }, this.#afterMs);
  }
}

/** The error of a push that stands still. */
export function stalled({ host, path }: RepositoryAddress, afterMs: number): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_UNAVAILABLE",
    text: `${host}/${path}: the push stands still: nothing was heard of it for ${afterMs / 1_000} s.`,
    hint: "See that the builder can reach that registry, and run it again: what was pushed is not pushed twice.",
  });
}
