import { describe, expect, it } from "vitest";
import { describeStep, diffSpecs } from "../../sdk/diff";
import type { Secret } from "../../sdk/secret";
import type { ResolvedSpec, ResolvedStep } from "../../sdk/spec";
import { imageCases, readImageCase } from "./golden";
import { digestOf, specOf, treeOf } from "./specs";

const pip = (...packages: string[]): ResolvedStep => ({ kind: "pip", packages, installer: "pip" });
const run = (command: string): ResolvedStep => ({ kind: "run", command });
const withSecrets = (...secrets: readonly Secret[]): ResolvedStep => ({ kind: "run", command: "a", secrets });
const copy = (digit: string): ResolvedStep => ({
  kind: "copyDir",
  source: "src",
  destination: "/app",
  tree: treeOf(digit),
});
const base = (reference: string, letter: string): ResolvedSpec =>
  specOf([], { base: { reference, digest: digestOf(letter) } });

describe("diffSpecs", () => {
  it.each<[string, ResolvedSpec, ResolvedSpec, number, string]>([
    [
      "one more package",
      specOf([pip("a"), copy("1")]),
      specOf([pip("a", "rich"), copy("1")]),
      1,
      'pipInstall packages: + "rich"',
    ],
    [
      "one package for another",
      specOf([pip("a==1")]),
      specOf([pip("a==2")]),
      1,
      'pipInstall packages: - "a==1" + "a==2"',
    ],
    [
      "another order of packages",
      specOf([pip("a", "b")]),
      specOf([pip("b", "a")]),
      1,
      "pipInstall packages: another order",
    ],
    [
      "an option",
      specOf([pip("a")]),
      specOf([{ kind: "pip", packages: ["a"], installer: "uv", pre: true }]),
      1,
      'pipInstall installer: "pip" → "uv"; pre: undefined → true',
    ],
    [
      "an option less",
      specOf([{ kind: "pip", packages: ["a"], installer: "pip", pre: true }]),
      specOf([pip("a")]),
      1,
      "pipInstall - pre",
    ],
    [
      "another version of a secret",
      specOf([withSecrets({ id: "A", from: { kind: "env", name: "A" }, env: "A" })]),
      specOf([withSecrets({ id: "A", from: { kind: "config", key: "a" }, env: "A", version: "2" })]),
      1,
      'runCommands secrets: - "A" + "A, version 2"',
    ],
    ["changed files", specOf([run("a"), copy("1")]), specOf([run("a"), copy("2")]), 2, "addLocalDir files changed"],
    [
      "variables",
      specOf([{ kind: "env", variables: { A: "1", B: "1" } }]),
      specOf([{ kind: "env", variables: { C: "1", B: "2" } }]),
      1,
      "env - A ~ B + C",
    ],
    ["a new last step", specOf([pip("a")]), specOf([pip("a"), run("b")]), 2, "+ runCommands b"],
    ["a new step between", specOf([pip("a"), run("c")]), specOf([pip("a"), run("b"), run("c")]), 2, "+ runCommands b"],
    ["a last step gone", specOf([pip("a"), run("b")]), specOf([pip("a")]), 2, "- runCommands b"],
    ["a step between gone", specOf([pip("a"), run("b"), run("c")]), specOf([pip("a"), run("c")]), 2, "- runCommands b"],
    [
      "a changed step and a new one",
      specOf([pip("a")]),
      specOf([pip("b"), run("c")]),
      1,
      'pipInstall packages: - "a" + "b"',
    ],
    [
      "a step of another kind",
      specOf([pip("a")]),
      specOf([{ kind: "apt", packages: ["a"] }]),
      1,
      "pipInstall a → aptInstall a",
    ],
    [
      "a moved base",
      base("docker.io/library/a:1", "a"),
      base("docker.io/library/a:1", "b"),
      0,
      "base docker.io/library/a:1 moved sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb",
    ],
    [
      "another base",
      base("docker.io/library/a:1", "a"),
      base("docker.io/library/a:2", "b"),
      0,
      "base docker.io/library/a:1 → docker.io/library/a:2",
    ],
    ["another platform", specOf([]), specOf([], { platform: "linux/arm64" }), 0, "platform linux/amd64 → linux/arm64"],
  ])("explains %s", (_, before, after, firstStep, reason) => {
    expect(diffSpecs(before, after)).toEqual({ firstStep, reasons: [reason] });
  });

  it.each<[string, ResolvedSpec, ResolvedSpec]>([
    ["the base's name alone", base("a", "a"), base("b", "a")],
    [
      "where a copied folder lies",
      specOf([copy("1")]),
      specOf([{ kind: "copyDir", source: "x", destination: "/app", tree: treeOf("1") }]),
    ],
    [
      "the order of one env's variables",
      specOf([{ kind: "env", variables: { A: "1", B: "2" } }]),
      specOf([{ kind: "env", variables: { B: "2", A: "1" } }]),
    ],
    [
      "a copy's place among settings",
      specOf([copy("1"), { kind: "user", user: "a" }]),
      specOf([{ kind: "user", user: "a" }, copy("1")]),
    ],
  ])("sees no difference in %s", (_, before, after) => {
    expect(diffSpecs(before, after)).toBeUndefined();
  });
});

describe("describeStep", () => {
  it("has one line for every kind of step", () => {
    const lines = imageCases.flatMap((name) => readImageCase(name).spec.steps).map(describeStep);
    expect(lines.filter((line) => line.includes("\n") || line.trim() === "")).toEqual([]);
    expect([pip("a", "b"), run("one\ntwo"), copy("1")].map(describeStep)).toEqual([
      "pipInstall a b",
      "runCommands one",
      "addLocalDir src → /app",
    ]);
  });
});
