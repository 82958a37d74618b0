import { expect, test } from "vitest";
import { followObjects, type ObjectSource } from "../../provider/follow-objects";
import { SlipwayError } from "../../sdk/error";

interface Thing {
  readonly name: string;
  readonly size: number;
}
const LIMITS = { relistMs: 20, failingMs: 200 };
const failure = (code: "CLUSTER_DENIED" | "CLUSTER_UNAVAILABLE") => new SlipwayError({ code, text: "no", hint: "" });

/** Things of which a test says what a list and a watch answer. */
function follow(source: Partial<ObjectSource<Thing, number>>) {
  const stop = new AbortController();
  const seen: (readonly (readonly [string, number])[])[] = [];
  let lists = 0;
  const ended = followObjects<Thing, number>(
    {
      listPage: () => Promise.resolve({ items: [], metadata: { resourceVersion: "1" } }),
      watch: (_since, _onEvent, signal) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
      nameOf: ({ name }) => name,
      read: ({ size }) => (size < 0 ? undefined : size),
      ...source,
      ...(source.listPage && {
        listPage: (page) => (lists++, source.listPage?.(page) ?? Promise.reject(new Error("none"))),
      }),
    },
    (objects) => seen.push([...objects]),
    stop.signal,
    LIMITS,
  );
  return { ended, seen, stop: () => stop.abort(), lists: () => lists };
}

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a list of several pages and the changes after it are one picture", async () => {
  const { ended, seen, stop } = follow({
    listPage: ({ _continue }) =>
      Promise.resolve(
        _continue === undefined
          ? { items: [{ name: "a", size: 1 }], metadata: { _continue: "2", resourceVersion: "1" } }
          : { items: [{ name: "b", size: 2 }], metadata: { _continue: "", resourceVersion: "7" } },
      ),
    watch: async (since, onEvent, signal) => {
      if (since === "7") {
        onEvent("MODIFIED", { name: "a", size: 3 });
        onEvent("DELETED", { name: "b", size: 2 });
        onEvent("BOOKMARK", { name: "", size: 9 });
        onEvent("ADDED", { name: "of no interest", size: -1 });
      }
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  });
  await soon(10);
  stop();
  await ended;
  expect(seen).toEqual([
    [
      ["a", 1],
      ["b", 2],
    ],
    [
      ["a", 3],
      ["b", 2],
    ],
    [["a", 3]],
  ]);
});

test("a server that ends each watch at once is not asked without pause", async () => {
  const { ended, stop, lists } = follow({
    listPage: () => Promise.resolve({ items: [] }),
    watch: () => Promise.resolve(),
  });
  await soon(100);
  stop();
  await ended;
  expect(lists()).toBeGreaterThan(1);
  expect(lists()).toBeLessThan(8);
});

test("a watch that is not allowed is told, and so is a list", async () => {
  const denied = () => Promise.reject(failure("CLUSTER_DENIED"));
  await expect(follow({ watch: denied }).ended).rejects.toThrow("no");
  await expect(follow({ listPage: denied }).ended).rejects.toThrow("no");
});

test("a cluster that fails is told at once when it never answered, and after a while when it did", async () => {
  await expect(follow({ listPage: () => Promise.reject(failure("CLUSTER_UNAVAILABLE")) }).ended).rejects.toThrow("no");
  let answers = 1;
  const late = follow({
    listPage: () => (answers-- > 0 ? Promise.resolve({ items: [] }) : Promise.reject(failure("CLUSTER_UNAVAILABLE"))),
    watch: () => Promise.resolve(),
  });
  const start = performance.now();
  await expect(late.ended).rejects.toThrow("no");
  expect(performance.now() - start).toBeGreaterThan(190);
});
