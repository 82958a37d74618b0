import { describe, expect, test } from "vitest";
import { checkHash, isUnknown, readInputs, readOutputs, specsOf } from "../../provider/state";
import { SlipwayError } from "../../sdk/error";
import { makeInputs, toEarlierProps, toProps, UNKNOWN } from "../fakes/image-inputs";
import { imageBase } from "../sdk/specs";

describe("reading inputs", () => {
  test("an image's inputs are read, with whatever Pulumi keeps beside them", () => {
    const inputs = makeInputs({ images: { "linux/amd64": { "golang:1.24": `sha256:${"3".repeat(64)}` } } });
    const read = readInputs({ ...toProps(inputs), __provider: "text", __urn: "urn:x" });
    expect(read).toMatchObject(inputs);
    expect(readInputs({ ...inputs, __provider: "text" })).toMatchObject(inputs); // of a version without the text
    expect(readInputs(toEarlierProps(inputs))).toMatchObject(inputs);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no text", 1],
    ["empty", "{}"],
  ])("a spec that is %s is no image's", (_what, spec) => {
    expect(readInputs({ ...toProps(makeInputs()), spec })).toBeUndefined();
  });

  test.each([
    ["the hash", { hash: UNKNOWN }],
    ["the uri", { uri: UNKNOWN }],
    ["the spec", { spec: UNKNOWN }],
    ["a mount", { mounts: [UNKNOWN] }],
    ["a value deep in a mount", { mounts: [{ destination: UNKNOWN }] }],
  ])("inputs of which %s is not known yet are not read", (_what, unknown) => {
    const props = { ...toProps(makeInputs()), ...unknown };
    expect(readInputs(props)).toBeUndefined();
    expect(isUnknown(props)).toBe(true);
  });

  test.each([
    ["the repository", { repository: UNKNOWN }],
    ["all steps", { steps: UNKNOWN }],
    ["a step", { steps: [UNKNOWN] }],
    ["a value deep in a step", { steps: [{ kind: "env", variables: { A: UNKNOWN } }] }],
  ])("a state of before of which %s is not known is not read", (_what, unknown) => {
    const props = { ...makeInputs(), ...unknown };
    expect(readInputs(props)).toBeUndefined();
    expect(isUnknown(props)).toBe(true);
  });

  test.each([
    ["a newer step kind", { steps: [{ kind: "teleport" }] }],
    ["a step kind that every object has", { steps: [{ kind: "constructor" }] }],
    ["a step that is none", { steps: ["run"] }],
    ["a newer format", { format: "image/v99" }],
    ["an unknown platform", { platforms: ["windows/amd64"] }],
    ["no base", { base: undefined }],
    ["a base without digests", { base: { reference: "x" } }],
  ])("inputs with %s are those of another version, not an error", (_what, other) => {
    expect(readInputs({ ...makeInputs(), ...other })).toBeUndefined();
  });

  test.each([[undefined], [null], ["text"], [[]], [{}]])("%j is no image", (props) => {
    expect(readInputs(props)).toBeUndefined();
  });

  test("nothing in plain values is unknown", () => {
    expect(isUnknown({ a: [1, null, undefined, { b: "text" }] })).toBe(false);
    expect(isUnknown({ a: [{ b: [UNKNOWN] }] })).toBe(true);
    expect(isUnknown(`a text that holds ${UNKNOWN}`)).toBe(false);
  });
});

describe("reading outputs", () => {
  test("what the repository knew is read; an older state says not whether it was reused", () => {
    expect(readOutputs({ digest: "sha256:1", sizeBytes: 5, reused: true })).toEqual({
      digest: "sha256:1",
      sizeBytes: 5,
      reused: true,
    });
    expect(readOutputs({ digest: "sha256:1", sizeBytes: 5 })).toMatchObject({ reused: false });
  });

  test("a state without them has none", () => {
    expect(readOutputs(makeInputs())).toBeUndefined();
    expect(readOutputs({ digest: 1, sizeBytes: 5 })).toBeUndefined();
  });
});

describe("hash and spec", () => {
  test("that belong together are let through", () => {
    expect(() => checkHash(makeInputs())).not.toThrow();
    expect(() => checkHash(makeInputs({ platforms: ["linux/amd64", "linux/arm64"] }))).not.toThrow();
  });

  const mismatched = makeInputs({ steps: [] });
  test.each([
    ["other steps", { ...makeInputs(), steps: mismatched.steps }],
    ["another hash", { ...makeInputs(), hash: mismatched.hash }],
    [
      "another base",
      { ...makeInputs(), base: { reference: "x", digests: { "linux/amd64": `sha256:${"3".repeat(64)}` } } },
    ],
    ["another platform", { ...makeInputs(), platforms: ["linux/arm64"] as const }],
    ["another tag in the uri", { ...makeInputs(), uri: mismatched.uri }],
    ["another repository than the uri's", { ...makeInputs(), repository: "localhost:5000/other" }],
  ])("with %s are an error", (_what, inputs) => {
    expect(() => checkHash(inputs)).toThrow(SlipwayError);
    expect(() => checkHash(inputs)).toThrow("ignoreChanges or a transformation changed one of them alone");
  });

  test("there is a spec for each platform, with its own digest of the base", () => {
    const specs = specsOf(makeInputs({ platforms: ["linux/amd64", "linux/arm64"] }));
    expect(specs.map((spec) => [spec.platform, imageBase(spec).digest.slice(0, 9)])).toEqual([
      ["linux/amd64", "sha256:11"],
      ["linux/arm64", "sha256:22"],
    ]);
  });
});
