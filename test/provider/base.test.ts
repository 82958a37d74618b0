import { beforeEach, describe, expect, test } from "vitest";
import { Bases } from "../../provider/base";
import { parseMirrors } from "../../provider/mirrors";
import type { Manifest, RepositoryAddress } from "../../provider/registry";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const hub: RepositoryAddress = { host: "docker.io", path: "library/python" };
const mirror: RepositoryAddress = { host: "localhost:5000", path: "library/python" };
const reference = "docker.io/library/python:3.11";
const mirrors = parseMirrors("docker.io=localhost:5000");

let registry: MemoryRegistry;
beforeEach(() => {
  registry = new MemoryRegistry();
});

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const single = (text: string): Manifest => toManifest({ mediaType: manifestType, text });

interface Entry {
  readonly manifest: Manifest;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

function indexOf(entries: readonly Entry[], mediaType = "application/vnd.oci.image.index.v1+json"): Manifest {
  const manifests = entries.map(({ manifest, platform }) => ({
    digest: manifest.digest,
    ...(platform && { platform }),
  }));
  return toManifest({ mediaType, manifests });
}

async function put(repository: RepositoryAddress, tag: string, manifest: Manifest, children: readonly Manifest[] = []) {
  for (const child of children) await registry.putManifest(repository, child.digest, child);
  await registry.putManifest(repository, tag, manifest);
  registry.requests.length = 0;
}

const linux = (architecture: string, variant?: string) => ({ os: "linux", architecture, ...(variant && { variant }) });

describe("an index", () => {
  const amd64 = single("amd64");
  const arm64 = single("arm64");
  const armv7 = single("arm v7");
  const attestation = single("attestation");
  const entries: readonly Entry[] = [
    { manifest: armv7, platform: linux("arm", "v7") },
    { manifest: attestation, platform: { os: "unknown", architecture: "unknown" } },
    { manifest: single("nobody's") },
    { manifest: arm64, platform: linux("arm64", "v8") },
    { manifest: amd64, platform: linux("amd64") },
    { manifest: single("windows"), platform: { os: "windows", architecture: "amd64" } },
  ];

  test.each(["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"])(
    "gives each platform's own digest, from its own text (%s)",
    async (mediaType) => {
      await put(
        hub,
        "3.11",
        indexOf(entries, mediaType),
        entries.map(({ manifest }) => manifest),
      );
      const base = await new Bases(registry, []).fetch(reference, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
      expect(base.place).toEqual(hub);
      expect([...base.digests]).toEqual([
        ["linux/amd64", amd64.digest],
        ["linux/arm/v7", armv7.digest],
        ["linux/arm64", arm64.digest],
      ]);
      expect(registry.requests).toEqual(["GET docker.io/library/python manifests/3.11"]);
    },
  );

  test("that lacks a platform is an error that says what it has", async () => {
    await put(
      hub,
      "3.11",
      indexOf(entries),
      entries.map(({ manifest }) => manifest),
    );
    const error = await expectCode(new Bases(registry, []).fetch(reference, ["linux/s390x"]), "BASE_UNAVAILABLE");
    expect(error.message).toBe(
      "base docker.io/library/python:3.11: it has no image for linux/s390x. " +
        "It has linux/amd64, linux/arm/v7, linux/arm64/v8, windows/amd64.",
    );
  });

  test("a variant that was not asked for is another platform", async () => {
    await put(
      hub,
      "3.11",
      indexOf(entries),
      entries.map(({ manifest }) => manifest),
    );
    await expectCode(new Bases(registry, []).fetch(reference, ["linux/arm/v6"]), "BASE_UNAVAILABLE");
  });

  test("that is none is an error that names the base", async () => {
    await put(hub, "3.11", toManifest({ mediaType: "application/vnd.oci.image.index.v1+json", manifests: "many" }));
    const error = await expectCode(new Bases(registry, []).fetch(reference, ["linux/amd64"]), "BASE_UNAVAILABLE");
    expect(error.message).toContain("base docker.io/library/python:3.11: ");
  });
});

test("a single manifest is the base of every platform", async () => {
  const manifest = single("one");
  await put(hub, "3.11", manifest);
  const { digests } = await new Bases(registry, []).fetch(reference, ["linux/amd64", "linux/arm64"]);
  expect([...digests.values()]).toEqual([manifest.digest, manifest.digest]);
});

test("a digest goes before a tag, and without either it is latest", async () => {
  const manifest = single("one");
  await put(hub, "latest", manifest);
  const bases = new Bases(registry, []);
  await bases.fetch(`docker.io/library/python:3.11@${manifest.digest}`, ["linux/amd64"]);
  await bases.fetch("docker.io/library/python", ["linux/amd64"]);
  expect(registry.requests).toEqual([
    `GET docker.io/library/python manifests/${manifest.digest}`,
    "GET docker.io/library/python manifests/latest",
  ]);
});

describe("mirrors", () => {
  test("the mirror is asked first, and the registry itself not when the mirror has it", async () => {
    await put(mirror, "3.11", single("mirrored"));
    const base = await new Bases(registry, mirrors).fetch(reference, ["linux/amd64"]);
    const { digest } = single("mirrored");
    expect(base).toEqual({ place: mirror, digest, digests: new Map([["linux/amd64", digest]]) });
    expect(registry.requests).toEqual(["GET localhost:5000/library/python manifests/3.11"]);
  });

  test.each([
    ["does not have it", () => undefined],
    ["cannot be reached", () => registry.unreachableHosts.add("localhost:5000")],
    ["lets us not in", () => registry.deniedHosts.add("localhost:5000")],
  ])("the registry itself is asked when the mirror %s", async (_what, spoil) => {
    await put(hub, "3.11", single("original"));
    spoil();
    const { place } = await new Bases(registry, mirrors).fetch(reference, ["linux/amd64"]);
    expect(place).toEqual(hub);
    expect(registry.requests).toEqual([
      "GET localhost:5000/library/python manifests/3.11",
      "GET docker.io/library/python manifests/3.11",
    ]);
  });

  test("a base that is found nowhere is one error that names every place", async () => {
    registry.unreachableHosts.add("docker.io");
    const error = await expectCode(new Bases(registry, mirrors).fetch(reference, ["linux/amd64"]), "BASE_UNAVAILABLE");
    expect(error.message).toBe(
      [
        "base docker.io/library/python:3.11: it was found nowhere.",
        "  - localhost:5000/library/python:3.11 does not exist",
        "  - docker.io/library/python: the registry cannot be reached.",
        "Check its name, log in where it lives, or name a mirror in SLIPWAY_MIRRORS (docker.io=<host>).",
      ].join("\n"),
    );
  });
});

describe("one program", () => {
  test("asks for each reference once, whoever needs it and for whichever platform", async () => {
    await put(hub, "3.11", single("one"));
    const bases = new Bases(registry, []);
    await Promise.all([
      bases.fetch(reference, ["linux/amd64"]),
      bases.fetch(reference, ["linux/arm64"]),
      bases.fetch(reference, ["linux/amd64", "linux/arm64"]),
    ]);
    await bases.fetch(reference, ["linux/amd64"]);
    expect(registry.requests).toHaveLength(1);
  });

  test("asks once for a base that is nowhere, and tells everyone", async () => {
    const bases = new Bases(registry, []);
    await expectCode(bases.fetch(reference, ["linux/amd64"]), "BASE_UNAVAILABLE");
    await expectCode(bases.fetch(reference, ["linux/amd64"]), "BASE_UNAVAILABLE");
    expect(registry.requests).toHaveLength(1);
  });

  test("that is stopped ends as stopped, not with a base that is nowhere", async () => {
    const reason = new Error("stopped");
    const fetched = new Bases(registry, mirrors).fetch(reference, ["linux/amd64"], AbortSignal.abort(reason));
    await expect(fetched).rejects.toBe(reason);
  });
});

describe("a base's config", () => {
  const config = {
    architecture: "amd64",
    config: { Env: ["PATH=/bin", "A=b=c"], OnBuild: ["COPY . /app"], Cmd: ["sh"] },
  };

  async function putImage(tag: string, content: unknown, wrap: (manifest: Manifest) => Manifest): Promise<void> {
    const digest = registry.addBlob(hub, Buffer.from(JSON.stringify(content)));
    const manifest = toManifest({ mediaType: manifestType, config: { mediaType: "config", digest, size: 1 } });
    await put(hub, tag, wrap(manifest), [manifest]);
  }

  test("gives its variables and its triggers, for the platform that is asked for", async () => {
    await putImage("3.11", config, (manifest) => indexOf([{ manifest, platform: linux("amd64") }]));
    const bases = new Bases(registry, []);
    const expected = { env: ["PATH=/bin", "A=b=c"], onbuild: ["COPY . /app"] };
    expect(await bases.fetchConfig(reference, "linux/amd64")).toEqual(expected);
    await bases.fetch(reference, ["linux/amd64"]);
    expect(await bases.fetchConfig(reference, "linux/amd64")).toEqual(expected);
    expect(registry.requests).toHaveLength(3);
  });

  test("costs one request beside the manifest where there is no index", async () => {
    await putImage("3.11", config, (manifest) => manifest);
    await new Bases(registry, []).fetchConfig(reference, "linux/amd64");
    expect(registry.requests).toHaveLength(2);
  });

  test.each([{ architecture: "amd64" }, { config: null }, { config: { Env: null, OnBuild: null } }])(
    "has neither where it says nothing of them: %j",
    async (content) => {
      await putImage("3.11", content, (manifest) => manifest);
      const found = await new Bases(registry, []).fetchConfig(reference, "linux/amd64");
      expect(found).toEqual({ env: [], onbuild: [] });
    },
  );

  test("that is missing is an error that says so", async () => {
    await put(hub, "3.11", single("no config"));
    const error = await expectCode(new Bases(registry, []).fetchConfig(reference, "linux/amd64"), "BASE_UNAVAILABLE");
    expect(error.text).toContain("base docker.io/library/python:3.11: the registry's manifest is none");
  });
});
