import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashImage, hashMounts, hashPrefixes, hashSpec } from "../../sdk/hash";
import { orderSteps, type ResolvedMount, type ResolvedSpec, type ResolvedStep } from "../../sdk/spec";
import { imageCases, readGolden, readImageCase, importCases, readImportCase } from "./golden";
import { digestOf, importOf, specOf, treeOf, imageBase } from "./specs";

describe("hashSpec", () => {
  it.each(imageCases)("gives the golden hash of %s", (name) => {
    const { spec, hash } = readImageCase(name);
    expect(hashSpec(spec)).toBe(hash);
  });

  it("is the SHA-256 of the array form that docs/hash.md specifies", () => {
    const spec = specOf([
      { kind: "env", variables: { B: "2", A: "1" } },
      { kind: "copyDir", source: "src", destination: "/app", tree: treeOf("3") },
    ]);
    const env = '["env",[["A","1"],["B","2"]]]';
    const form = `["image/v2","${digestOf("a")}","linux/amd64",[${env},["copyDir","/app","${treeOf("3")}"]]]`;
    expect(hashSpec(spec)).toBe(createHash("sha256").update(form).digest("hex"));
  });

  const run: ResolvedStep = { kind: "run", command: "make" };
  const copy: ResolvedStep = { kind: "copyFile", source: "a", destination: "/app/a", tree: treeOf("1") };
  const pip: ResolvedStep = { kind: "pip", packages: ["a"], installer: "pip" };
  const one = specOf([run]);

  it.each<[string, ResolvedSpec, ResolvedSpec]>([
    ["the base's name", one, specOf([run], { base: { reference: "other:1", digest: digestOf("a") } })],
    ["a copied file's place on this machine", specOf([copy]), specOf([{ ...copy, source: "../b" }])],
    ["the order of one env's variables", envs({ A: "1", B: "2" }), envs({ B: "2", A: "1" })],
    [
      "a copy's place among settings after the last run",
      specOf([copy, ...envs({ A: "1" }).steps]),
      specOf([...envs({ A: "1" }).steps, copy]),
    ],
    [
      "a default that is written out",
      specOf([pip]),
      specOf([{ kind: "pip", packages: ["a"], installer: "pip", pre: false, findLinks: [] }]),
    ],
  ])("does not see %s", (_, a, b) => {
    expect(hashSpec(a)).toBe(hashSpec(b));
  });

  it.each<[string, ResolvedSpec, ResolvedSpec]>([
    ["the base's digest", one, specOf([run], { base: { ...imageBase(one), digest: digestOf("b") } })],
    ["the platform", one, specOf([run], { platform: "linux/arm64" })],
    ["the order of steps that run", specOf([run, pip]), specOf([pip, run])],
    ["the order of packages", pips(["a", "b"]), pips(["b", "a"])],
    ["where one package ends", pips(["a", "b"]), pips(["a b"])],
    ["the installer", specOf([pip]), specOf([{ kind: "pip", packages: ["a"], installer: "uv" }])],
    [
      "an index",
      specOf([pip]),
      specOf([{ kind: "pip", packages: ["a"], installer: "pip", indexUrl: "https://i.example" }]),
    ],
    ["a copied tree", specOf([copy]), specOf([{ ...copy, tree: treeOf("2") }])],
    ["a destination", specOf([copy]), specOf([{ ...copy, destination: "/app/b" }])],
    [
      "one env step against two",
      envs({ A: "1", B: "2" }),
      specOf([...envs({ A: "1" }).steps, ...envs({ B: "2" }).steps]),
    ],
    ["entrypoint against cmd", specOf([{ kind: "entrypoint", args: ["a"] }]), specOf([{ kind: "cmd", args: ["a"] }])],
    [
      "the order of copies",
      specOf([copy, { ...copy, destination: "/b" }]),
      specOf([{ ...copy, destination: "/b" }, copy]),
    ],
  ])("sees %s", (_, a, b) => {
    expect(hashSpec(a)).not.toBe(hashSpec(b));
  });

  it("frames every text: two lists of packages are alike only when their hashes are", () => {
    const list = fc.array(fc.string(), { maxLength: 3 });
    fc.assert(
      fc.property(
        list,
        list,
        (a, b) => (hashSpec(pips(a)) === hashSpec(pips(b))) === (JSON.stringify(a) === JSON.stringify(b)),
      ),
    );
  });
});

describe("the hash of an image on a Dockerfile", () => {
  it.each(importCases)("is the golden one of %s", (name) => {
    const { spec, hash, prefixes } = readImportCase(name);
    expect(hashSpec(spec)).toBe(hash);
    expect(hashPrefixes(spec)).toEqual(prefixes);
  });

  it.each([
    ["a here-document of no line and of an empty one", "COPY <<A /a\nA\n", "COPY <<A /a\n\nA\n"],
    ["a mark of another encoding at the end of a command", "RUN echo a", "RUN echo a\ufeff"],
  ])("tells apart Dockerfiles that differ in %s", (_, one, other) => {
    const hashes = [one, other].map((line) => hashSpec(specOf([], { base: importOf(`FROM scratch\n${line}`) })));
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it.each(importCases)("has the golden form in the place of the base's digest: %s", (name) => {
    const { spec, form, prefixes } = readImportCase(name);
    const text = JSON.stringify([spec.format, form, spec.platform, []]);
    expect(createHash("sha256").update(text).digest("hex")).toBe(prefixes[0]);
  });

  it("is none where an image's digest is missing", () => {
    const { spec } = readImportCase("stages");
    expect(() => hashSpec({ ...spec, images: {} })).toThrow("the spec lacks the digest of ");
  });
});

describe("hashPrefixes", () => {
  it.each(imageCases)("gives the golden prefixes of %s", (name) => {
    const { spec, prefixes } = readImageCase(name);
    expect(hashPrefixes(spec)).toEqual(prefixes);
  });

  it("gives for each count the hash of the image that has just those steps", () => {
    for (const name of imageCases) {
      const { spec } = readImageCase(name);
      const ordered = orderSteps(spec.steps);
      const alone = ordered.map((_, index) => hashSpec({ ...spec, steps: ordered.slice(0, index + 1) }));
      expect(hashPrefixes(spec)).toEqual([hashSpec({ ...spec, steps: [] }), ...alone]);
    }
  });
});

describe("hashImage", () => {
  it("gives the golden hash of two platforms, in any order", () => {
    const { specs, hash } = readGolden<{ specs: ResolvedSpec[]; hash: string }>("platforms");
    expect(hashImage(specs)).toBe(hash);
    expect(hashImage(specs.toReversed())).toBe(hash);
  });

  it("counts each platform once, and needs one", () => {
    const one = specOf([]);
    expect(hashImage([one, one])).toBe(hashSpec(one));
    expect(() => hashImage([])).toThrow("an image has at least one platform");
  });

  it("is one platform's own hash", () => {
    expect(hashImage([specOf([])])).toBe(hashSpec(specOf([])));
  });
});

describe("hashMounts", () => {
  it("gives the golden hash, another one in another order, and one of no mounts", () => {
    const { mounts, hash } = readGolden<{ mounts: ResolvedMount[]; hash: string }>("mounts");
    expect(hashMounts(mounts)).toBe(hash);
    expect(hashMounts(mounts.toReversed())).not.toBe(hash);
    expect(hashMounts([])).toMatch(/^[0-9a-f]{64}$/);
  });
});

function pips(packages: readonly string[]): ResolvedSpec {
  return specOf([{ kind: "pip", packages, installer: "pip" }]);
}

function envs(variables: Readonly<Record<string, string>>): ResolvedSpec {
  return specOf([{ kind: "env", variables }]);
}
