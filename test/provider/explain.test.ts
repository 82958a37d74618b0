import { describe, expect, test } from "vitest";
import { explainNew } from "../../provider/explain";
import type { RunFacts } from "../../provider/run";
import { makeInputs } from "../fakes/image-inputs";

type Run = Pick<RunFacts, "existence" | "isLocked">;
const missing: Run = { existence: { kind: "missing" }, isLocked: false };
const stored: Run = { existence: { kind: "stored", digest: "sha256:1" }, isLocked: false };
const unknown: Run = {
  existence: { kind: "unknown", cause: "localhost:5000/images: the registry cannot be reached" },
  isLocked: false,
};
const before = makeInputs();
const richer = makeInputs({
  steps: [
    { kind: "workdir", path: "/app" },
    { kind: "pip", packages: ["requests", "rich"], installer: "pip" },
  ],
});

describe("a new image", () => {
  test.each([
    [missing, "builds from the base, 2 steps: new image"],
    [stored, "new image; exists, nothing to build"],
    [unknown, "new image; whether it exists is unknown: localhost:5000/images: the registry cannot be reached"],
    [undefined, "new image; whether it exists is unknown"],
  ])("that is %j", (existence, line) => {
    expect(explainNew(undefined, before, existence)).toBe(line);
  });

  test("that exists stays as it is stored, also when a compression is asked for", () => {
    const asked = (run: Run) =>
      explainNew(undefined, before, { ...run, builder: { kind: "current", compression: "zstd" } });
    const line = "new image; exists, nothing to build (stored as it is; compression counts for new hashes)";
    expect(asked(stored)).toBe(line);
    expect(asked(missing)).toBe("builds from the base, 2 steps: new image");
  });

  test("of one step", () => {
    const inputs = makeInputs({ steps: [{ kind: "workdir", path: "/app" }] });
    expect(explainNew(undefined, inputs, missing)).toBe("builds from the base, 1 step: new image");
  });
});

describe("a changed image", () => {
  test.each([
    [missing, 'builds from step 2 of 2: pipInstall packages: + "rich"'],
    [stored, 'pipInstall packages: + "rich"; exists, nothing to build'],
    [undefined, 'pipInstall packages: + "rich"; whether it exists is unknown'],
  ])("that is %j says what changed", (existence, line) => {
    expect(explainNew(before, richer, existence)).toBe(line);
  });

  test("that has fewer steps than before names the first that is gone", () => {
    expect(explainNew(richer, makeInputs({ steps: [{ kind: "workdir", path: "/app" }] }), missing)).toBe(
      "builds without new steps: - pipInstall requests rich",
    );
  });

  test("of a base that moved says so, and how to pin it where no lock does", () => {
    const base = { reference: "docker.io/library/python:3.11", digests: { "linux/amd64": `sha256:${"3".repeat(64)}` } };
    const moved = "base docker.io/library/python:3.11 moved sha256:111111111111 → sha256:333333333333";
    const line = `builds from the base, 2 steps: ${moved}`;
    expect(explainNew(before, makeInputs({ base }), missing)).toBe(`${line}; pin it with slipway lock`);
    expect(explainNew(before, makeInputs({ base }), { ...missing, isLocked: true })).toBe(line);
  });

  test("of another base is not told to pin it", () => {
    const base = { reference: "docker.io/library/python:3.12", digests: { "linux/amd64": `sha256:${"3".repeat(64)}` } };
    const line = "base docker.io/library/python:3.11 → docker.io/library/python:3.12; exists, nothing to build";
    expect(explainNew(before, makeInputs({ base }), stored)).toBe(line);
  });

  test("for other platforms builds from the base", () => {
    const both = makeInputs({ platforms: ["linux/amd64", "linux/arm64"] });
    const line = "builds from the base, 2 steps: platforms linux/amd64 → linux/amd64, linux/arm64";
    expect(explainNew(before, both, missing)).toBe(line);
  });

  test("in another repository is the same image there", () => {
    const moved = makeInputs({ repository: "localhost:5000/other" });
    expect(explainNew(before, moved, stored)).toBe(
      "repository localhost:5000/images → localhost:5000/other; exists, nothing to build",
    );
    expect(explainNew(before, moved, missing)).toBe(
      "builds from the base, 2 steps: repository localhost:5000/images → localhost:5000/other",
    );
  });

  test("whose change concerns one of its platforms says it for that one", () => {
    const platforms = ["linux/amd64", "linux/arm64"] as const;
    const digests = { "linux/amd64": `sha256:${"1".repeat(64)}`, "linux/arm64": `sha256:${"4".repeat(64)}` };
    const base = { reference: "docker.io/library/python:3.11", digests };
    const line = explainNew(makeInputs({ platforms }), makeInputs({ platforms, base }), stored);
    expect(line).toContain("moved sha256:222222222222 → sha256:444444444444");
  });
});
