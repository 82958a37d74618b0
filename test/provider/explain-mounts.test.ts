import { expect, test } from "vitest";
import { explainMounts } from "../../provider/explain-mounts";
import type { Existence } from "../../provider/existence";
import type { ResolvedMount } from "../../sdk/spec";
import { makeInputs } from "../fakes/image-inputs";

const file: ResolvedMount = { kind: "copyFile", source: "app.py", destination: "/app/app.py", tree: "1".repeat(64) };
const folder: ResolvedMount = { kind: "copyDir", source: "src", destination: "/app/src", tree: "2".repeat(64) };
const withMounts = (...mounts: readonly ResolvedMount[]) => makeInputs({ mounts });
const facts = (existence: Existence) => ({ existence, callSites: [] });
const missing = facts({ kind: "missing" });

test.each([
  ["a changed file", [file, folder], [{ ...file, tree: "3".repeat(64) }, folder], "app.py → /app/app.py changed"],
  ["a changed folder", [folder], [{ ...folder, tree: "3".repeat(64) }], "src/ → /app/src changed"],
  ["another mount", [file], [file, folder], "+ src/ → /app/src"],
  ["one that went", [file, folder], [file], "- src/ → /app/src"],
  ["another place", [file], [{ ...file, destination: "/x" }], "+ app.py → /x, - app.py → /app/app.py"],
  ["another order", [file, folder], [folder, file], "another order"],
])("%s is named", (_what, was, now, text) => {
  expect(explainMounts(withMounts(...was), withMounts(...now), missing)).toBe(
    `mounts: ${text}; pushes them, builds nothing for them`,
  );
});

test("what the repository has is not pushed", () => {
  const stored = facts({ kind: "stored", digest: "sha256:1" });
  expect(explainMounts(withMounts(file), withMounts(folder), stored)).toContain("; nothing to push, builds nothing");
  expect(explainMounts(withMounts(file), makeInputs({}), undefined)).toContain("; nothing to push, builds nothing");
});

test("nothing is said of what is as it was, of a new image, and of a registry that cannot tell", () => {
  const stored = facts({ kind: "stored", digest: "sha256:1" });
  expect(explainMounts(withMounts(file), withMounts(file), stored)).toBeUndefined();
  expect(explainMounts(withMounts(file), withMounts(file), facts({ kind: "unknown", cause: "x" }))).toBeUndefined();
  expect(explainMounts(undefined, withMounts(file), missing)).toBeUndefined();
  // Another name of the source is no other content.
  expect(explainMounts(withMounts(file), withMounts({ ...file, source: "other.py" }), stored)).toBeUndefined();
});

test("mounts that vanished from the repository are pushed again", () => {
  expect(explainMounts(withMounts(file), withMounts(file), missing)).toBe(
    "the repository does not have the mounts any more; pushes them again",
  );
});
