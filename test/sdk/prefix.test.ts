import { describe, expect, it } from "vitest";
import { hashPrefixes, hashSpec } from "../../sdk/hash";
import { renderDockerfile } from "../../sdk/dockerfile";
import { cutsOf, prefixOf } from "../../sdk/prefix";
import type { ResolvedStep } from "../../sdk/spec";
import { importOf, specOf, treeOf } from "./specs";

const run: ResolvedStep = { kind: "run", command: "make" };
const env: ResolvedStep = { kind: "env", variables: { A: "1" } };
const cmd: ResolvedStep = { kind: "cmd", args: ["a"] };
const entrypoint: ResolvedStep = { kind: "entrypoint", args: ["a"] };
const workdir: ResolvedStep = { kind: "workdir", path: "/app" };
const copy: ResolvedStep = { kind: "copyDir", source: "src", destination: "/app", tree: treeOf("3") };
const lines = (...commands: readonly string[]): ResolvedStep => ({ kind: "dockerfile", commands });

describe("an image may be cut", () => {
  it.each<[string, readonly ResolvedStep[], readonly number[]]>([
    ["behind every step", [run, env, workdir, copy], [1, 2, 3]],
    ["not where the first steps alone would be in another order", [copy, workdir, run, env], [1, 3]],
    ["not behind an ARG, which ends with its stage", [run, lines("ARG X=1"), run, run], [1]],
    ["not behind a trigger, which would run", [run, lines("ONBUILD RUN true"), run], [1]],
    ["not behind what cannot be read", [run, lines("RUN <<EOF\nopen"), run], [1]],
    ["not between a cmd and an entrypoint, which would clear it", [run, cmd, run, entrypoint, run], [1, 4]],
    ["between a CMD and an ENTRYPOINT neither", [lines("CMD a"), run, lines('ENTRYPOINT ["b"]'), run], [3]],
    ["between an entrypoint and a cmd", [entrypoint, run, cmd, run], [1, 2, 3]],
    [
      "behind a SHELL, a USER and a WORKDIR, which the config keeps",
      [lines('SHELL ["a"]', "USER 1"), run, run],
      [1, 2],
    ],
  ])("%s", (_, steps, cuts) => {
    expect(cutsOf(specOf(steps)).all).toEqual(cuts);
  });

  it("neither in an imported Dockerfile nor on it", () => {
    const base = importOf("FROM scratch\nRUN true");
    expect(cutsOf(specOf([run, run], { base }))).toEqual({ all: [], kept: [], likely: [] });
  });
});

describe("of an image that is built there is kept", () => {
  it.each<[string, readonly ResolvedStep[], readonly number[]]>([
    ["nothing of one that runs something last", [run, run], []],
    ["what runs, where settings and copies follow", [run, run, env, cmd, copy], [2]],
    ["also the image without its last copies, where a setting needs files", [run, workdir, cmd, copy], [1, 3]],
    ["that alone where nothing runs", [workdir, copy], [1]],
    ["nothing of copies and settings that need no files", [env, cmd, copy], []],
  ])("%s", (_, steps, kept) => {
    expect(cutsOf(specOf(steps)).kept).toEqual(kept);
  });
});

it("the steps that may be stored are looked for from the longest down, eight at most", () => {
  expect(cutsOf(specOf([run, run, env, cmd, copy])).likely).toEqual([4, 2, 1]);
  expect(cutsOf(specOf(Array.from({ length: 20 }, () => ({ ...run })))).likely).toHaveLength(8);
});

it("a prefix is the image of the first steps, and what follows is written as in the whole Dockerfile", () => {
  const spec = specOf([run, workdir, copy, env]);
  const hashes = hashPrefixes(spec);
  const whole = renderDockerfile(spec).text.split("\n").slice(1);
  for (const count of cutsOf(spec).all) {
    const prefix = prefixOf(spec, count);
    expect(hashSpec(prefix)).toBe(hashes[count]);
    const first = renderDockerfile(prefix).text.split("\n").slice(1, -1);
    const rest = renderDockerfile(spec, { from: "localhost:5000/images@sha256:1", prefixSteps: count });
    expect([...first, ...rest.text.split("\n").slice(1)]).toEqual(whole);
    expect(rest.text).toContain("FROM localhost:5000/images@sha256:1\n");
    expect(rest.steps.map(({ number }) => number)).toEqual(whole.slice(count, -1).map((_, index) => count + index + 1));
  }
});
