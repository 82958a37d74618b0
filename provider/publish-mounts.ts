import { rmSync } from "node:fs";
import { SlipwayError } from "../sdk/error";
import { storeBlob } from "./copy-image";
import { makeMountImage, type MountImage } from "./mount-image";
import { mountTag } from "./mount-tag";
import { listMounts, type MountSources } from "./mount-tree";
import type { Place, Places } from "./place";

/** What to push, and how. */
export interface PublishMounts extends MountSources {
  /** Makes an empty folder for what is on its way. */
  readonly makeFolder: () => string;
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Sees to it that all places hold an image's mounts; one request for each that does. No file is read where all do.
 *
 * @returns the digest of the image that holds them, the same everywhere
 * @throws SlipwayError CONTEXT_CHANGED, LOCAL_PATH and what the registries say
 */
export async function publishMounts({ home, copies }: Places, request: PublishMounts): Promise<string> {
  const tag = mountTag(request.mounts);
  const { signal } = request;
  const places = [home, ...copies];
  const find = ({ registry, address }: Place) => registry.findDigest(address, tag, signal);
  const found = await Promise.all(places.map(find));
  const lacking = places.filter((_, index) => found[index] === undefined);
  if (lacking.length > 0) {
    const files = await listMounts(request, signal);
    const folder = request.makeFolder();
    try {
      const image = await makeMountImage(files, folder);
      request.onProgress(`pushing mounts, ${(image.sizeBytes / 1e6).toFixed(1)} MB`);
      for (const place of lacking) await push(place, tag, image, signal);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const digest = found[0] ?? (await find(home));
  if (digest !== undefined) return digest;
  throw new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${home.address.host}/${home.address.path}:${tag}: the registry took the tag and does not know it.`,
    hint: "Something deletes tags there; see its log.",
  });
}

/** Every byte first, the tag last. */
async function push(to: Place, tag: string, image: MountImage, signal: AbortSignal): Promise<void> {
  const { registry, address } = to;
  await to.prepare?.();
  for (const blob of image.blobs) await storeBlob(to, blob, signal);
  for (const manifest of image.manifests) await registry.putManifest(address, manifest.digest, manifest, signal);
  try {
    await registry.putManifest(address, tag, image.index, signal);
  } catch (error) {
    // An immutable tag that somebody else put meanwhile has the same files.
    if (!(error instanceof SlipwayError && error.code === "TAG_TAKEN")) throw error;
  }
}
