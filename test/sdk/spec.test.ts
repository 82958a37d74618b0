import { describe, expect, it } from "vitest";
import { orderSteps } from "../../sdk/spec";
import type { Step } from "../../sdk/step";

const run: Step = { kind: "run", command: "make" };
const env: Step = { kind: "env", variables: { A: "1" } };
const copy: Step = { kind: "copyFile", source: "a", destination: "/a" };
const dir: Step = { kind: "copyDir", source: "b", destination: "/b" };
const cmd: Step = { kind: "cmd", args: ["a"] };

describe("orderSteps", () => {
  it("puts settings first and copies last, each in their own order, after the last step that runs something", () => {
    expect(orderSteps([env, copy, run, dir, env, copy, cmd])).toEqual([env, copy, run, env, cmd, dir, copy]);
  });

  it.each<Step>([
    { kind: "pip", packages: ["a"], installer: "pip" },
    { kind: "pipRequirements", source: "r.txt", installer: "pip" },
    { kind: "apt", packages: ["a"] },
    run,
    { kind: "dockerfile", commands: ["EXPOSE 80"] },
  ])("keeps everything before a $kind step in its place", (last) => {
    expect(orderSteps([copy, env, last])).toEqual([copy, env, last]);
  });

  it("keeps what stands between two steps that run something in its place", () => {
    expect(orderSteps([run, copy, env, run, dir, cmd])).toEqual([run, copy, env, run, cmd, dir]);
  });

  it("orders the whole of a spec that runs nothing", () => {
    expect(orderSteps([copy, env])).toEqual([env, copy]);
  });

  it("leaves ordered steps as they are", () => {
    const once = orderSteps([copy, run, dir, env]);
    expect(orderSteps(once)).toEqual(once);
  });
});
