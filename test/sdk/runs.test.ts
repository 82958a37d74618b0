import { expect, test } from "vitest";
import { runsOf } from "../../sdk/runs";
import type { ResolvedStep } from "../../sdk/spec";
import { importOf, specOf, treeOf } from "./specs";

const runsIn = (steps: readonly ResolvedStep[]) => runsOf(specOf(steps, { platform: "linux/arm64" }));

test("settings, copies and the Dockerfile's lines that run nothing need no machine", () => {
  const steps: readonly ResolvedStep[] = [
    { kind: "workdir", path: "/app" },
    { kind: "env", variables: { A: "1" } },
    { kind: "user", user: "1000" },
    { kind: "cmd", args: ["a"] },
    { kind: "dockerfile", commands: ["EXPOSE 80", "HEALTHCHECK CMD true", "ONBUILD RUN true"] },
    { kind: "copyFile", source: "a", destination: "/a", tree: treeOf("1") },
  ];
  expect(runsIn(steps)).toEqual([]);
});

test.each<[string, ResolvedStep]>([
  ["a command", { kind: "run", command: "true" }],
  ["apt", { kind: "apt", packages: ["git"] }],
  ["a RUN among a Dockerfile's lines", { kind: "dockerfile", commands: ["EXPOSE 80", "RUN true"] }],
])("%s runs on the image's platform", (_what, step) => {
  const copy: ResolvedStep = { kind: "copyFile", source: "a", destination: "/a", tree: treeOf("1") };
  expect(runsIn([copy, step])).toEqual([{ platform: "linux/arm64", number: 2, step }]);
});

test.each<[string, string, readonly string[]]>([
  ["copies alone run nothing", "FROM a\nCOPY a /a\n", []],
  ["a RUN of the target", "FROM a\nRUN true\n", ["linux/arm64"]],
  ["a RUN of a stage that nobody needs", "FROM a AS test\nRUN true\nFROM a\nCOPY a /a\n", []],
  [
    "a stage on the builder's own platform, and one on that",
    "FROM --platform=$BUILDPLATFORM a AS build\nRUN make\nFROM build AS more\nRUN make\nFROM a\nCOPY --from=more /a /a\n",
    [],
  ],
  [
    "a stage of another platform, and one on that",
    "FROM --platform=linux/s390x a AS build\nRUN make\nFROM build AS more\nRUN make\nFROM a\nCOPY --from=more /a /a\n",
    ["linux/s390x", "linux/s390x"],
  ],
])("of an imported Dockerfile: %s", (_what, text, platforms) => {
  const runs = runsOf(specOf([], { base: importOf(text), platform: "linux/arm64" }));
  expect(runs).toEqual(platforms.map((platform) => ({ platform, number: 0 })));
});

test("steps on an imported Dockerfile run on the image's platform", () => {
  const step: ResolvedStep = { kind: "run", command: "true" };
  const spec = specOf([step], { base: importOf("FROM a\n"), platform: "linux/arm64" });
  expect(runsOf(spec)).toEqual([{ platform: "linux/arm64", number: 1, step }]);
});
