import { beforeEach, expect, test } from "vitest";
import { commitImage } from "../../provider/commit";
import type { Platform } from "../../sdk/platform";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";

const repository = { host: "registry.example", path: "images" };
const hash = "a".repeat(64);
const platform: Platform = "linux/amd64";

let registry: MemoryRegistry;
beforeEach(() => {
  registry = new MemoryRegistry();
});

/** Pushes an image whose layers are files in a compression, like `base:gzip`; returns its digest. */
async function push(...names: readonly string[]): Promise<string> {
  const part = (type: string, bytes: Buffer) => ({
    mediaType: `application/vnd.oci.image.${type}`,
    digest: registry.addBlob(repository, bytes),
    size: bytes.length,
  });
  const files = names.map((name) => name.split(":")[0]);
  const manifest = toManifest({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: part("config.v1+json", Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: files } }))),
    layers: names.map((name) => part(`layer.v1.tar+${name.split(":")[1]}`, Buffer.from(name))),
  });
  await registry.putManifest(repository, manifest.digest, manifest);
  return manifest.digest;
}

/** What the tag's layers are, after a build on a prefix. */
async function commit(digest: string, from: string): Promise<readonly string[]> {
  await commitImage(registry, repository, hash, [{ platform, digest, from }]);
  const stored = await registry.fetchManifest(repository, hash);
  const { layers }: { layers: { digest: string; mediaType: string }[] } = JSON.parse(stored?.bytes.toString() ?? "");
  return Promise.all(
    layers.map(async (layer) => (await registry.fetchBlob(repository, layer.digest))?.toString() ?? "gone"),
  );
}

test("an image has its prefix's layers as the prefix has them, whatever the builder knew them as", async () => {
  const prefix = await push("base:gzip", "one:zstd");
  expect(await commit(await push("base:gzip", "one:gzip", "two:zstd"), prefix)).toEqual([
    "base:gzip",
    "one:zstd",
    "two:zstd",
  ]);
});

test("where the prefix has several platforms, those of the build's own count", async () => {
  const children = [
    { platform: { os: "linux", architecture: "arm64" }, digest: await push("arm:zstd") },
    { platform: { os: "linux", architecture: "amd64" }, digest: await push("base:gzip", "one:zstd") },
  ];
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = toManifest({ schemaVersion: 2, mediaType, manifests: children });
  await registry.putManifest(repository, index.digest, index);
  const built = await push("base:gzip", "one:gzip", "two:zstd");
  expect(await commit(built, index.digest)).toEqual(["base:gzip", "one:zstd", "two:zstd"]);
});

test("layers that hold other files than the prefix's stay as they were pushed", async () => {
  const prefix = await push("base:gzip", "one:zstd");
  const built = ["base:gzip", "other:gzip", "two:zstd"];
  expect(await commit(await push(...built), prefix)).toEqual(built);
});

test("a prefix that is gone meanwhile changes nothing", async () => {
  const built = ["base:gzip", "two:zstd"];
  expect(await commit(await push(...built), `sha256:${"0".repeat(64)}`)).toEqual(built);
});
