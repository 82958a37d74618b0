import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { digestOf } from "./manifest";
import type { Manifest, Registry, RepositoryAddress } from "./registry";
import binaries from "./pause/binaries.json";

/** Another content of the image is another tag. */
export const PAUSE_TAG = "pause-v1";
const OCI = "application/vnd.oci.image";

/** The image that sleeps: an index of one layer of 2 KB for each architecture. */
export interface PauseImage {
  readonly index: Manifest;
  readonly manifests: readonly Manifest[];
  readonly blobs: readonly { readonly digest: string; readonly bytes: Buffer }[];
}

/** Makes the image; its digest is the same everywhere, so it is known before anything is pushed. */
export async function makePauseImage(): Promise<PauseImage> {
  const parts = await Promise.all(Object.entries(binaries).map(([name, base64]) => makePart(name, base64)));
  const descriptors = parts.map(({ architecture, manifest }) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { architecture, os: "linux" },
  }));
  const mediaType = `${OCI}.index.v1+json`;
  return {
    index: toManifest(mediaType, { schemaVersion: 2, mediaType, manifests: descriptors }),
    manifests: parts.map(({ manifest }) => manifest),
    blobs: parts.flatMap(({ blobs }) => blobs),
  };
}

/** Sees to it that a repository holds the image; one request where it does. */
export async function publishPauseImage(
  registry: Registry,
  repository: RepositoryAddress,
  signal?: AbortSignal,
): Promise<{ readonly digest: string; readonly reused: boolean }> {
  const { index, manifests, blobs } = await makePauseImage();
  if ((await registry.findDigest(repository, PAUSE_TAG, signal)) === index.digest) {
    return { digest: index.digest, reused: true };
  }
  for (const { digest, bytes } of blobs) {
    if (!(await registry.hasBlob(repository, digest, signal)))
      await registry.putBlob(repository, digest, bytes, signal);
  }
  for (const manifest of manifests) await registry.putManifest(repository, manifest.digest, manifest, signal);
  await registry.putManifest(repository, PAUSE_TAG, index, signal);
  return { digest: index.digest, reused: false };
}

async function makePart(architecture: string, base64: string) {
  const layer = await tarOf("pause", Buffer.from(base64, "base64"));
  const layerDigest = digestOf(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      config: { Entrypoint: ["/pause"] },
      rootfs: { type: "layers", diff_ids: [layerDigest] },
    }),
  );
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = toManifest(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(config), size: config.length },
    // Not compressed: no version of a compressor is in the digest.
    layers: [{ mediaType: `${OCI}.layer.v1.tar`, digest: layerDigest, size: layer.length }],
  });
  const blobs = [layer, config].map((bytes) => ({ digest: digestOf(bytes), bytes }));
  return { architecture, manifest, blobs };
}

async function tarOf(name: string, bytes: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name, mode: 0o755, mtime: new Date(0), uid: 0, gid: 0 }, bytes);
  tar.finalize();
  return buffer(tar);
}

function toManifest(mediaType: string, content: object): Manifest {
  const bytes = Buffer.from(JSON.stringify(content));
  return { digest: digestOf(bytes), mediaType, bytes };
}
