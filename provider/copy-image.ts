import pLimit from "p-limit";
import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import { putTag, type StoredImage } from "./commit";
import { formatAddress } from "./ecr-address";
import type { Place } from "./place";
import type { BlobStore, Manifest, StreamedBlob } from "./registry";

/** Blobs that are under way at once. */
const BLOBS_AT_ONCE = 4;

const partSchema = v.object({ digest: v.string(), size: v.number() });
const contentSchema = v.object({
  config: v.optional(partSchema),
  layers: v.optional(v.array(partSchema), []),
  manifests: v.optional(v.array(partSchema), []),
});

/** What a copy needs to know. */
export interface CopyRequest {
  readonly from: Place;
  readonly to: Place;
  readonly hash: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Copies an image byte for byte: blobs that are lacking, then an index's manifests by digest, then the tag as a commit
 * puts it.
 *
 * @throws SlipwayError REGISTRY_ANSWER and what the registries say
 */
export async function copyImage({ from, to, hash, signal }: CopyRequest): Promise<StoredImage> {
  const top = await fetchManifest(from, hash, signal);
  await to.prepare?.();
  await copyParts({ from, to, hash, signal }, top);
  return putTag({ registry: to.registry, repository: to.address, hash, manifest: top, signal });
}

async function copyParts(request: CopyRequest, manifest: Manifest): Promise<void> {
  const { from, to, signal } = request;
  const { config, layers, manifests } = v.parse(contentSchema, JSON.parse(manifest.bytes.toString("utf8")));
  for (const { digest } of manifests) {
    const child = await fetchManifest(from, digest, signal);
    await copyParts(request, child);
    await to.registry.putManifest(to.address, digest, child, signal);
  }
  const limit = pLimit(BLOBS_AT_ONCE);
  const blobs = new Map([...(config === undefined ? [] : [config]), ...layers].map((part) => [part.digest, part.size]));
  await Promise.all([...blobs].map(([digest, size]) => limit(() => copyBlob(request, digest, size))));
}

function copyBlob({ from, to, signal }: CopyRequest, digest: string, sizeBytes: number): Promise<void> {
  const open = async () => {
    const body = await blobsOf(from).openBlob(from.address, digest, signal);
    if (body === undefined) throw lost(from, digest);
    return body;
  };
  return storeBlob(to, { digest, sizeBytes, open }, signal);
}

/** Sees to it that a place holds a blob. */
export async function storeBlob(to: Place, blob: StreamedBlob, signal: AbortSignal | undefined): Promise<void> {
  if (await to.registry.hasBlob(to.address, blob.digest, signal)) return;
  await blobsOf(to).pushBlob(to.address, blob, signal);
  if (!(await to.registry.hasBlob(to.address, blob.digest, signal))) throw lost(to, blob.digest);
}

async function fetchManifest(from: Place, reference: string, signal: AbortSignal | undefined): Promise<Manifest> {
  const manifest = await from.registry.fetchManifest(from.address, reference, signal);
  if (manifest === undefined) throw lost(from, reference);
  return manifest;
}

function blobsOf({ registry, address }: Place): BlobStore {
  if (registry.blobs !== undefined) return registry.blobs;
  const text = `${formatAddress(address)}: blobs cannot be copied there.`;
  throw new SlipwayError({ code: "REGISTRY_ANSWER", text, hint: "Copy between registries of the OCI protocol." });
}

function lost({ address }: Place, reference: string): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${formatAddress(address)}: ${reference} is not there any more.`,
    hint: "Run it again; if it stays, something deletes what is pushed.",
  });
}
