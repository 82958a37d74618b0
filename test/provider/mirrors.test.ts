import { expect, test } from "vitest";
import { hostsOf, parseMirrors, placesOf } from "../../provider/mirrors";
import { SlipwayError } from "../../sdk/error";
import { parseReference } from "../../sdk/reference";

test("mirrors are read as pairs, with spaces and slashes at the end forgiven", () => {
  expect(parseMirrors("docker.io=localhost:5000, ghcr.io = localhost:5000/ghcr/ ,")).toEqual([
    { registry: "docker.io", place: "localhost:5000" },
    { registry: "ghcr.io", place: "localhost:5000/ghcr" },
  ]);
  expect(parseMirrors("")).toEqual([]);
  expect(parseMirrors(" , ")).toEqual([]);
});

test.each(["docker.io", "docker.io=", "=localhost:5000", "docker.io=a=b", "docker.io=http://localhost:5000"])(
  "%s is no mirror",
  (entry) => {
    const text = `mirrors: ${JSON.stringify(entry)} does not say which registry is mirrored where.`;
    const hint = "Write docker.io=localhost:5000,ghcr.io=localhost:5000/ghcr.";
    expect(() => parseMirrors(`quay.io=localhost:5000,${entry}`)).toThrow(SlipwayError);
    expect(() => parseMirrors(entry)).toThrow(`${text} ${hint}`);
  },
);

test("an image is looked for in its registry's mirrors, in their order, then where it lives", () => {
  const mirrors = parseMirrors("docker.io=one:5000,ghcr.io=other,docker.io=two.example/hub/cache");
  expect(placesOf(parseReference("python:3.11"), mirrors)).toEqual([
    { host: "one:5000", path: "library/python" },
    { host: "two.example", path: "hub/cache/library/python" },
    { host: "docker.io", path: "library/python" },
  ]);
});

test("an image of a registry without mirrors is looked for there alone", () => {
  expect(placesOf(parseReference("quay.io/a/b"), parseMirrors("docker.io=one:5000"))).toEqual([
    { host: "quay.io", path: "a/b" },
  ]);
});

test("the registries of a build are those of its base, of all other images that it names, and of their mirrors", () => {
  const base = { reference: "python:3.11", digest: "sha256:1" };
  const images = { "ghcr.io/acme/tools:1": "sha256:2", "quay.io/acme/x:2 linux/arm64": "sha256:3" };
  expect(hostsOf([{ base, images }, { base }], parseMirrors("ghcr.io=localhost:5000"))).toEqual([
    ...["docker.io", "localhost:5000", "ghcr.io", "quay.io"],
    "docker.io",
  ]);
});
