import { beforeEach, describe, expect, test } from "vitest";
import { LockedBases } from "../../provider/locked-bases";
import type { Manifest } from "../../provider/registry";
import { EMPTY_LOCK, type Lock } from "../../sdk/lock";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const hub = { host: "docker.io", path: "library/python" };
const reference = "docker.io/library/python:3.11";
const config = { env: ["PATH=/bin"], onbuild: ["COPY . /app"] };
const image = (architecture: string, digest: string): Manifest =>
  toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", architecture, config: { digest } });

let registry: MemoryRegistry;
let amd64: Manifest;
let arm64: Manifest;
let index: Manifest;
let locked: Lock;
beforeEach(async () => {
  registry = new MemoryRegistry();
  const own = { config: { Env: config.env, OnBuild: config.onbuild } };
  const blob = registry.addBlob(hub, Buffer.from(JSON.stringify(own)));
  amd64 = image("amd64", blob);
  arm64 = image("arm64", blob);
  index = indexOf(amd64, arm64);
  for (const manifest of [amd64, arm64, index]) await registry.putManifest(hub, manifest.digest, manifest);
  await registry.putManifest(hub, "3.11", index);
  locked = lockOf({ "linux/amd64": { digest: amd64.digest } });
  registry.requests.length = 0;
});

function indexOf(...images: readonly Manifest[]): Manifest {
  const manifests = images.map(({ digest }, position) => ({
    digest,
    platform: { os: "linux", architecture: position === 0 ? "amd64" : "arm64" },
  }));
  return toManifest({ mediaType: "application/vnd.oci.image.index.v1+json", manifests });
}

function lockOf(platforms: Lock["bases"][string]["platforms"]): Lock {
  return { bases: { [reference]: { digest: index.digest, platforms } } };
}

/** As a tag that is pushed again. */
async function moveBase(): Promise<void> {
  const newer = image("amd64, newer", registry.addBlob(hub, Buffer.from("{}")));
  await registry.putManifest(hub, newer.digest, newer);
  await registry.putManifest(hub, "3.11", newer);
  registry.requests.length = 0;
}

describe("what is locked", () => {
  test("asks nothing of a registry", async () => {
    const bases = new LockedBases(registry, [], lockOf({ "linux/amd64": { digest: amd64.digest, config } }));
    const digests = new Map([["linux/amd64", amd64.digest]]);
    expect(await bases.fetch(reference, ["linux/amd64"])).toEqual({ digest: index.digest, digests, isLocked: true });
    expect(await bases.fetch(reference, [])).toEqual({ digest: index.digest, digests: new Map(), isLocked: true });
    expect(await bases.fetchConfig(reference, "linux/amd64")).toEqual(config);
    expect(bases).toMatchObject({ missing: [], resolved: EMPTY_LOCK });
    expect(registry.requests).toEqual([]);
  });

  test("stays when the base moves", async () => {
    await moveBase();
    const { digests } = await new LockedBases(registry, [], locked).fetch(reference, ["linux/amd64"]);
    expect([...digests]).toEqual([["linux/amd64", amd64.digest]]);
  });
});

describe("what the lock lacks", () => {
  test("is resolved by the registry, named, and handed on for the lock", async () => {
    const bases = new LockedBases(registry, [], EMPTY_LOCK);
    const found = await bases.fetch(reference, ["linux/amd64"]);
    const digests = new Map([["linux/amd64", amd64.digest]]);
    expect(found).toEqual({ digest: index.digest, digests, isLocked: false });
    expect(bases).toMatchObject({ missing: [`${reference} for linux/amd64`], resolved: locked });
    expect(registry.requests).toEqual(["GET docker.io/library/python manifests/3.11"]);
  });

  test("of platforms is taken of the version that is locked, though the base has moved", async () => {
    await moveBase();
    const bases = new LockedBases(registry, [], locked);
    const { digests } = await bases.fetch(reference, ["linux/amd64", "linux/arm64"]);
    expect(Object.fromEntries(digests)).toEqual({ "linux/amd64": amd64.digest, "linux/arm64": arm64.digest });
    expect(bases.missing).toEqual([`${reference} for linux/arm64`]);
    expect(bases.resolved).toEqual(lockOf({ "linux/arm64": { digest: arm64.digest } }));
    expect(registry.requests).toEqual([`GET docker.io/library/python manifests/${index.digest}`]);
  });

  test("of a config is read from the image that is locked", async () => {
    await moveBase();
    const bases = new LockedBases(registry, [], locked);
    expect(await bases.fetchConfig(reference, "linux/amd64")).toEqual(config);
    expect(bases.missing).toEqual([`${reference} for linux/amd64`]);
    expect(bases.resolved).toEqual(lockOf({ "linux/amd64": { digest: amd64.digest, config } }));
  });

  test("is one entry with its config, whichever was asked for first", async () => {
    const bases = new LockedBases(registry, [], undefined);
    await bases.fetchConfig(reference, "linux/amd64");
    await bases.fetch(reference, ["linux/amd64"]);
    expect(bases.resolved).toEqual(lockOf({ "linux/amd64": { digest: amd64.digest, config } }));
    const others = new LockedBases(registry, [], undefined);
    await others.fetch(reference, ["linux/amd64"]);
    await others.fetchConfig(reference, "linux/amd64");
    expect(others.resolved).toEqual(bases.resolved);
  });

  test("may be what the reference names alone, whichever platform a builder takes of it", async () => {
    const bases = new LockedBases(registry, [], undefined);
    expect(await bases.fetch(reference, [])).toMatchObject({ digest: index.digest, isLocked: false });
    expect(bases).toMatchObject({ missing: [reference], resolved: lockOf({}) });
    await bases.fetch(reference, ["linux/amd64"]);
    expect(bases.resolved).toEqual(locked);
  });

  test("is named though no registry answers", async () => {
    registry.unreachableHosts.add("docker.io");
    const bases = new LockedBases(registry, [], EMPTY_LOCK);
    await expectCode(bases.fetch(reference, ["linux/amd64"]), "BASE_UNAVAILABLE");
    expect(bases).toMatchObject({ missing: [`${reference} for linux/amd64`], resolved: EMPTY_LOCK });
  });
});

test("a reference that names an index by digest is locked like another", async () => {
  const pinned = `docker.io/library/python@${index.digest}`;
  const bases = new LockedBases(registry, [], undefined);
  await bases.fetch(pinned, ["linux/arm64"]);
  registry.requests.length = 0;
  const again = new LockedBases(registry, [], bases.resolved);
  expect([...(await again.fetch(pinned, ["linux/arm64"])).digests]).toEqual([["linux/arm64", arm64.digest]]);
  expect(registry.requests).toEqual([]);
});
