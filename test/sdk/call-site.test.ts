import { describe, expect, it } from "vitest";
import { readCallSite, type CallSite } from "../../sdk/call-site";
import { Image } from "../../sdk/image";
import { lineAt } from "./errors";

describe("readCallSite", () => {
  function method(): CallSite | undefined {
    return readCallSite();
  }

  function deep(): CallSite | undefined {
    return [0].map(() => readCallSite(deep))[0];
  }

  it("names the file and the line that called the method", () => {
    const site = method(); // here
    expect(site).toMatch(/^\/.*\/test\/sdk\/call-site\.test\.ts:\d+:18$/);
    expect(lineAt(site)).toMatch(/\/\/ here$/);
  });

  it("looks from a given method, however deep it is", () => {
    const site = deep(); // there
    expect(lineAt(site)).toMatch(/\/\/ there$/);
  });

  it("leaves the stack limit as it was", () => {
    const before = Error.stackTraceLimit;
    method();
    expect(Error.stackTraceLimit).toBe(before);
  });

  it.each<[string, string, string | undefined]>([
    ["parentheses in a folder", "    at Object.<anonymous> (/a (copy)/b.ts:1:2)", "/a (copy)/b.ts:1:2"],
    ["no name", "    at /a b/c.ts:3:4", "/a b/c.ts:3:4"],
    ["a module", "    at async file:///a/b.mts:5:6", "/a/b.mts:5:6"],
    ["no file", "    at <anonymous>", undefined],
  ])("reads a frame with %s", (_, frame, place) => {
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = () => `Error\n    at method (/x.ts:1:1)\n${frame}`;
    try {
      expect(method()).toBe(place);
    } finally {
      Error.prepareStackTrace = before;
    }
  });

  it("gives nothing where another library makes no text of stacks", () => {
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = (_, frames) => frames;
    try {
      expect(method()).toBeUndefined();
    } finally {
      Error.prepareStackTrace = before;
    }
  });
});

it("an image keeps a call site for each step, outside of its spec", () => {
  const first = Image.debianSlim("3.11").runCommands("a", "b"); // two commands
  const image = first.workdir("/app"); // one folder
  const comments = image.callSites.map((site) => lineAt(site).split("// ")[1]);
  expect(comments).toEqual(["two commands", "two commands", "one folder"]);
  expect(JSON.stringify(image.spec)).not.toContain("call-site");
});
