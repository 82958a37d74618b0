import type { ReadableStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import { adoptImage, type StoredImage } from "./commit";
import { formatAddress } from "./ecr-address";
import type { Place } from "./place";
import type { BlobStore, Manifest } from "./registry";

/** Blobs that are under way at once. */
const BLOBS_AT_ONCE = 4;
/** With the first: three failures in a row are not the end. */
const ATTEMPTS = 4;
const BACKOFF_MS = 250;

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
 * Copies an image byte for byte: blobs that are lacking, then the manifests by digest, then the tag. Whoever put the
 * tag meanwhile wins, as in a commit.
 *
 * @throws SlipwayError REGISTRY_ANSWER and what the registries say
 */
export async function copyImage({ from, to, hash, signal }: CopyRequest): Promise<StoredImage> {
  const top = await fetchManifest(from, hash, signal);
  await to.prepare?.();
  await copyParts({ from, to, hash, signal }, top);
  await to.registry.putManifest(to.address, top.digest, top, signal);
  const winner = await adoptImage(to.registry, to.address, hash, signal);
  if (winner !== undefined) return winner;
  try {
    await to.registry.putManifest(to.address, hash, top, signal);
  } catch (error) {
    if (!(error instanceof SlipwayError && error.code === "TAG_TAKEN")) throw error;
  }
  const stored = await adoptImage(to.registry, to.address, hash, signal);
  if (stored === undefined) throw lost(to, hash);
  return stored;
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
  const open = async (): Promise<ReadableStream<Uint8Array>> => {
    const body = await blobsOf(from).openBlob(from.address, digest, signal);
    if (body === undefined) throw lost(from, digest);
    return body;
  };
  return storeBlob(to, { digest, sizeBytes, open }, signal);
}

/** A blob that can be sent again. */
export interface BlobSource {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
}

/** Sees to it that a place holds a blob. */
export async function storeBlob(
  to: Place,
  { digest, sizeBytes, open }: BlobSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = blobsOf(to);
  for (let attempt = 1; ; attempt += 1) {
    if (await to.registry.hasBlob(to.address, digest, signal)) return;
    try {
      await target.pushBlob(to.address, { digest, sizeBytes, body: await open() }, signal);
      if (await to.registry.hasBlob(to.address, digest, signal)) return;
      throw lost(to, digest);
    } catch (error) {
      signal?.throwIfAborted();
      // A stream that broke cannot be sent again: the next attempt opens another one.
      if (attempt >= ATTEMPTS || !(error instanceof SlipwayError) || error.code !== "REGISTRY_UNAVAILABLE") throw error;
      const options = signal === undefined ? {} : { signal };
      await sleep(BACKOFF_MS * 4 ** (attempt - 1), undefined, options).catch(() => signal?.throwIfAborted());
    }
  }
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
