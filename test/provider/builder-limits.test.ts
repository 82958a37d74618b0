import { expect, test } from "vitest";
import { parseBuilderChoice, type BuilderChoice } from "../../provider/builder-choice";
import { makeLimits } from "../../provider/builder-limits";

/** Begins so many builds of each choice, and tells how many of them run when nobody waits for anything else. */
async function countRunning(choices: readonly BuilderChoice[], builds: number): Promise<number[]> {
  const limitOf = makeLimits();
  const running = choices.map(() => 0);
  for (const [index, choice] of choices.entries()) {
    for (let build = 0; build < builds; build += 1) {
      void limitOf(choice)(() => {
        running[index] = (running[index] ?? 0) + 1;
        return new Promise<void>(() => undefined);
      });
    }
  }
  await new Promise((resolve) => setImmediate(resolve));
  return running;
}

test("a builder has four builds at once, or as many as it is said to have; each builder has its own", async () => {
  const named = parseBuilderChoice("mine");
  const choices = [named, { ...named, maxConcurrency: 1 }, { ...parseBuilderChoice("tcp://a:1"), maxConcurrency: 6 }];
  expect(await countRunning(choices, 10)).toEqual([4, 1, 6]);
});

test("images of one builder share its places, whatever else they set", async () => {
  const named = parseBuilderChoice("mine");
  const counts = await countRunning([named, { ...named, compression: "zstd" }], 10);
  expect(counts).toEqual([4, 0]);
});
