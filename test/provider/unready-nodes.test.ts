import { expect, test } from "vitest";
import { UnreadyNodes } from "../../provider/unready-nodes";

/** What happens in the background has happened. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("nodes that do not answer are known at the next look, a few are asked for at once, and each once", async () => {
  const asked: string[] = [];
  const unready = new UnreadyNodes({
    isNodeReady: (name) => {
      asked.push(name);
      return Promise.resolve(name === "node-3" ? false : name === "node-4" ? undefined : true);
    },
  });
  const nodes = Array.from({ length: 25 }, (_, index) => `node-${index}`);
  expect(unready.among(nodes)).toEqual(new Set());
  unready.among(nodes); // while the first are being asked for
  expect(asked).toEqual(nodes.slice(0, 10));
  await settle();
  expect(unready.among(nodes)).toEqual(new Set(["node-3"]));
  expect(unready.among(["node-1"])).toEqual(new Set());
  for (const _ of "123") {
    await settle();
    unready.among(nodes);
  }
  expect(asked).toEqual(nodes);
});
