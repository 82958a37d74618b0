import { describe, expect, it } from "vitest";
import { isSourceStep, isStepKind } from "../../sdk/step";
import { imageCases, readImageCase } from "./golden";

const kinds = [
  "apt",
  "cmd",
  "copyDir",
  "copyFile",
  "dockerfile",
  "entrypoint",
  "env",
  "pip",
  "pipRequirements",
  "run",
  "user",
  "workdir",
];

describe("steps", () => {
  it("each have a golden file", () => {
    const found = imageCases.flatMap((name) => readImageCase(name).spec.steps.map((step) => step.kind));
    expect([...new Set(found)].sort()).toEqual(kinds);
  });

  it("read local files in three kinds", () => {
    const reading = imageCases.flatMap((name) =>
      readImageCase(name)
        .spec.steps.filter(isSourceStep)
        .map((step) => step.kind),
    );
    expect([...new Set(reading)].sort()).toEqual(["copyDir", "copyFile", "pipRequirements"]);
  });

  it("are known by their kind, and no other text is", () => {
    expect([...kinds, "toString", "secret", undefined].filter(isStepKind)).toEqual(kinds);
  });
});
