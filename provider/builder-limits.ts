import pLimit from "p-limit";
import { builderKey, type BuilderChoice } from "./builder-choice";

/** How many images one builder builds at once; what BuildKit does with them is its own affair. */
const MAX_CONCURRENCY = 4;

/** Gives each builder of a process its own places; images that ask for another number of them have their own, too. */
export function makeLimits(): (choice: BuilderChoice) => ReturnType<typeof pLimit> {
  const limits = new Map<string, ReturnType<typeof pLimit>>();
  return (choice) => {
    const { maxConcurrency = MAX_CONCURRENCY } = choice;
    const key = `${maxConcurrency} ${builderKey(choice)}`;
    const limit = limits.get(key) ?? pLimit(maxConcurrency);
    limits.set(key, limit);
    return limit;
  };
}
