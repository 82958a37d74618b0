import { expect, test } from "vitest";
import { RunMemory, urnOf, type RunFacts } from "../../provider/run";

const facts: RunFacts = {
  folder: "/home/me/program",
  callSites: ["index.ts:1:1", ""],
  existence: { kind: "stored", digest: "sha256:1" },
  repository: "localhost:5000/images",
  isLocked: false,
  mirrors: [{ registry: "docker.io", place: "localhost:5000" }],
  builder: { kind: "endpoint", endpoint: "unix:///run/buildkit.sock" },
  build: "never",
};
const inputs = { __urn: "urn:one", hash: "h", __run: facts };

test("what is of this run is taken out of the inputs, so that nothing of it is stored", () => {
  expect(new RunMemory().takeFrom(inputs)).toEqual({ __urn: "urn:one", hash: "h" });
});

test("it is found again by the resource, also from inputs that have been stripped", () => {
  const memory = new RunMemory();
  const stripped = memory.takeFrom(inputs);
  expect(memory.of(stripped)).toEqual(facts);
  expect(memory.of({ ...stripped, __urn: "urn:other" })).toBeUndefined();
});

test("a second check without it, as on a replacement, forgets nothing", () => {
  const memory = new RunMemory();
  memory.takeFrom(memory.takeFrom(inputs));
  expect(memory.of(inputs)).toEqual(facts);
});

test.each([[undefined], ["text"], [{}], [{ ...facts, existence: { kind: "maybe" } }], [{ ...facts, builder: {} }]])(
  "what is not facts of a run is stripped and not kept: %j",
  (run) => {
    const memory = new RunMemory();
    expect(memory.takeFrom({ __urn: "urn:one", __run: run })).toEqual({ __urn: "urn:one" });
    expect(memory.of(inputs)).toBeUndefined();
  },
);

test("a resource counts as compared once diff has seen it", () => {
  const memory = new RunMemory();
  expect(memory.wasDiffed(inputs)).toBe(false);
  memory.noteDiff(inputs);
  expect(memory.wasDiffed(inputs)).toBe(true);
  expect(memory.wasDiffed({ __urn: "urn:other" })).toBe(false);
});

test("inputs without a URN have the empty one", () => {
  expect([urnOf({}), urnOf(undefined), urnOf({ __urn: 5 }), urnOf(inputs)]).toEqual(["", "", "", "urn:one"]);
});
