import { expect, test, vi } from "vitest";
import { findReferenceImage } from "../../provider/reference-image";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";

const repository = { host: "ghcr.io", path: "acme/base" };
const mirror = { host: "localhost:5000", path: "acme/base" };
const OCI = "application/vnd.oci.image";

async function push(registry: MemoryRegistry, place: typeof repository, architecture: string, tag: string) {
  const config = registry.addBlob(place, Buffer.from(JSON.stringify({ os: "linux", architecture })));
  const manifest = toManifest({ mediaType: `${OCI}.manifest.v1+json`, config: { digest: config }, layers: [] });
  await registry.putManifest(place, tag, manifest);
  return manifest;
}

test("a reference becomes its digest, with the architectures that it runs on", async () => {
  const registry = new MemoryRegistry();
  const { digest } = await push(registry, repository, "arm64", "1");
  expect(await findReferenceImage(registry, [], "ghcr.io/acme/base:1")).toEqual({
    ref: `ghcr.io/acme/base@${digest}`,
    digest,
    architectures: ["arm64"],
  });
});

test("an index runs on what it lists for Linux", async () => {
  const registry = new MemoryRegistry();
  const child = await push(registry, repository, "amd64", "child");
  const platforms = [
    { os: "linux", architecture: "arm64" },
    { os: "linux", architecture: "amd64" },
    { os: "windows", architecture: "amd64" },
    { os: "unknown", architecture: "unknown" },
  ];
  const manifests = platforms.map((platform) => ({ digest: child.digest, platform }));
  await registry.putManifest(repository, "1", toManifest({ mediaType: `${OCI}.index.v1+json`, manifests }));
  expect((await findReferenceImage(registry, [], "ghcr.io/acme/base:1")).architectures).toEqual(["amd64", "arm64"]);
});

test("a mirror is asked first, and the reference keeps its own place", async () => {
  const registry = new MemoryRegistry();
  const { digest } = await push(registry, mirror, "amd64", "1");
  const mirrors = [{ registry: "ghcr.io", place: "localhost:5000" }];
  expect((await findReferenceImage(registry, mirrors, "ghcr.io/acme/base:1")).ref).toBe(`ghcr.io/acme/base@${digest}`);
});

test("an image that is nowhere is told with every place that was asked", async () => {
  const registry = new MemoryRegistry();
  const mirrors = [{ registry: "ghcr.io", place: "localhost:5000" }];
  await expect(findReferenceImage(registry, mirrors, "ghcr.io/acme/base:1")).rejects.toThrow(
    "  - localhost:5000/acme/base:1 does not exist\n  - ghcr.io/acme/base:1 does not exist\n",
  );
});

test("a reference by digest whose registry cannot be asked is taken as it is, for architectures that nobody knows", async () => {
  const registry = new MemoryRegistry();
  vi.spyOn(registry, "fetchManifest").mockRejectedValue(new Error("401"));
  const ref = `ghcr.io/acme/base@sha256:${"a".repeat(64)}`;
  expect(await findReferenceImage(registry, [], ref)).toEqual({
    ref,
    digest: `sha256:${"a".repeat(64)}`,
    architectures: [],
    unknownBecause: "401",
  });
  await expect(findReferenceImage(registry, [], "ghcr.io/acme/base:1")).rejects.toThrow("found nowhere");
});

test("a digest that no registry has is an error", async () => {
  const ref = `ghcr.io/acme/base@sha256:${"a".repeat(64)}`;
  await expect(findReferenceImage(new MemoryRegistry(), [], ref)).rejects.toThrow("does not exist");
});

test("an image whose configuration cannot be asked for is one for architectures that nobody knows", async () => {
  const registry = new MemoryRegistry();
  await push(registry, repository, "amd64", "1");
  vi.spyOn(registry, "fetchBlob").mockRejectedValue(new Error("connection refused"));
  expect(await findReferenceImage(registry, [], "ghcr.io/acme/base:1")).toMatchObject({
    architectures: [],
    unknownBecause: "connection refused",
  });
});
