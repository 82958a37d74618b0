import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StallTimer } from "../../provider/push-stall";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what is heard of in time goes on, and what falls silent is ended once", () => {
  const ended = vi.fn();
  const timer = new StallTimer(1_000, ended);
  for (let heard = 0; heard < 5; heard += 1) {
    timer.set(true);
    vi.advanceTimersByTime(999);
  }
  expect(timer.hasEnded).toBe(false);
  vi.advanceTimersByTime(1);
  expect(timer.hasEnded).toBe(true);
  vi.advanceTimersByTime(10_000);
  expect(ended).toHaveBeenCalledTimes(1);
});

test("what is not watched may be silent", () => {
  const timer = new StallTimer(1_000, () => undefined);
  timer.set(true);
  timer.set(false);
  vi.advanceTimersByTime(10_000);
  expect(timer.hasEnded).toBe(false);
});
