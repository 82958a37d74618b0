import type { ReadableStream } from "node:stream/web";

/** Where images live: `host/path`, for example `localhost:5000/images`. */
export interface RepositoryAddress {
  readonly host: string;
  readonly path: string;
}

/** A manifest or an index as the registry keeps it. */
export interface Manifest {
  /** `sha256:` and 64 hex digits, of `bytes`. */
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * What Slipway asks of a registry. "Not there" is an answer (`undefined`, `false`), given only when the registry said
 * so; whatever else goes wrong is a SlipwayError: REGISTRY_DENIED, REGISTRY_UNAVAILABLE or REGISTRY_ANSWER.
 */
export interface Registry {
  /** The digest of what a tag or digest names, in one request. */
  findDigest(repository: RepositoryAddress, reference: string, signal?: AbortSignal): Promise<string | undefined>;
  /** A manifest by tag or digest, in one request; its bytes are checked against its digest. */
  fetchManifest(repository: RepositoryAddress, reference: string, signal?: AbortSignal): Promise<Manifest | undefined>;
  /** Whether a blob (a layer or a config) is stored. */
  hasBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<boolean>;
  /** A small blob, such as an image's config; its bytes are checked against its digest. */
  fetchBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<Buffer | undefined>;
  /** Stores a small blob, as `blobs.pushBlob` does a large one. */
  putBlob(repository: RepositoryAddress, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void>;
  /** Stores a manifest under a tag, or under its own digest, in one request. */
  putManifest(
    repository: RepositoryAddress,
    reference: string,
    manifest: Manifest,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Present where it asks for many images in one request by itself: callers need not hold back. */
  readonly isBatched?: true;
  /** Present where blobs can be streamed. */
  readonly blobs?: BlobStore;
}

/** Streams blobs of any size; it is for copying images from one place to another. */
export interface BlobStore {
  /** A blob's bytes; `undefined` where it is not there. The stream's end is not checked against the digest. */
  openBlob(
    repository: RepositoryAddress,
    digest: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Stores a blob, with repeats where a failure may pass; the registry refuses bytes that have another digest. */
  pushBlob(repository: RepositoryAddress, blob: StreamedBlob, signal?: AbortSignal): Promise<void>;
}

/** A blob on its way. */
export interface StreamedBlob {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Its bytes from the first on, once for each attempt: a stream that broke cannot be sent again. */
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
}
