import { createHash } from "node:crypto";
import type { BlobStore, Manifest, Registry, RepositoryAddress, StreamedBlob } from "../../provider/registry";
import { SlipwayError } from "../../sdk/error";

/** A registry in memory. It refuses what a real one refuses: a manifest whose blobs or children it does not have. */
export class MemoryRegistry implements Registry {
  /** Hosts that cannot be reached. */
  readonly unreachableHosts = new Set<string>();
  /** Hosts that let nobody in. */
  readonly deniedHosts = new Set<string>();
  /** Every request in its order, for example `GET localhost:5000/images manifests/latest`. */
  readonly requests: string[] = [];
  /** Something that happens in the moment in which a request arrives, before it is answered. */
  onRequest: (request: string) => void = () => undefined;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Manifest>();
  readonly #tags = new Map<string, string>();

  async findDigest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    this.#receive("HEAD", repository, `manifests/${reference}`, signal);
    return Promise.resolve(this.#find(repository, reference)?.digest);
  }

  async fetchManifest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<Manifest | undefined> {
    this.#receive("GET", repository, `manifests/${reference}`, signal);
    return Promise.resolve(this.#find(repository, reference));
  }

  async hasBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<boolean> {
    this.#receive("HEAD", repository, `blobs/${digest}`, signal);
    return Promise.resolve(this.#blobs.has(keyOf(repository, digest)));
  }

  async fetchBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    this.#receive("GET", repository, `blobs/${digest}`, signal);
    return Promise.resolve(this.#blobs.get(keyOf(repository, digest)));
  }

  async putBlob(repository: RepositoryAddress, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    this.#receive("PUT", repository, `blobs/${digest}`, signal);
    const actual = digestOf(bytes);
    if (actual !== digest) throw refusal(repository, `the blob has the digest ${actual}, not ${digest}`);
    this.addBlob(repository, bytes);
    return Promise.resolve();
  }

  async putManifest(
    repository: RepositoryAddress,
    reference: string,
    manifest: Manifest,
    signal?: AbortSignal,
  ): Promise<void> {
    this.#receive("PUT", repository, `manifests/${reference}`, signal);
    const digest = digestOf(manifest.bytes);
    if (reference.startsWith("sha256:") && reference !== digest) {
      throw refusal(repository, `the manifest has the digest ${digest}, not ${reference}`);
    }
    const missing = partsOf(manifest).find((part) => !this.#has(repository, part));
    if (missing !== undefined) throw refusal(repository, `${missing} is unknown to it`);
    this.#manifests.set(keyOf(repository, digest), { ...manifest, digest });
    if (reference !== digest) this.#tags.set(keyOf(repository, reference), digest);
    return Promise.resolve();
  }

  readonly blobs: BlobStore = {
    openBlob: (repository, digest, signal) => {
      this.#receive("GET", repository, `blobs/${digest}`, signal);
      const bytes = this.#blobs.get(keyOf(repository, digest));
      return Promise.resolve(bytes === undefined ? undefined : new Blob([new Uint8Array(bytes)]).stream());
    },
    pushBlob: async (repository, blob, signal) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#pushBlob(repository, blob, signal);
        } catch (error) {
          const passes = error instanceof SlipwayError && error.code === "REGISTRY_UNAVAILABLE";
          if (!passes || attempt === 4) throw error;
        }
      }
    },
  };

  async #pushBlob(
    repository: RepositoryAddress,
    { digest, open }: StreamedBlob,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#receive("PUT", repository, `blobs/${digest}`, signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await open()) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (digestOf(bytes) !== digest) throw refusal(repository, `the blob has another digest than ${digest}`);
    this.addBlob(repository, bytes);
  }

  /** Stores a blob, as a push does before the manifest, and gives its digest. */
  addBlob(repository: RepositoryAddress, bytes: Buffer): string {
    this.#blobs.set(keyOf(repository, digestOf(bytes)), bytes);
    return digestOf(bytes);
  }

  /** What a garbage collection does at the wrong time. */
  removeBlob(repository: RepositoryAddress, digest: string): void {
    this.#blobs.delete(keyOf(repository, digest));
  }

  removeTag(repository: RepositoryAddress, tag: string): void {
    this.#tags.delete(keyOf(repository, tag));
  }

  /** The tags of all repositories, as `host/path:tag`. */
  get tags(): readonly string[] {
    return [...this.#tags.keys()].sort();
  }

  #receive(method: string, repository: RepositoryAddress, path: string, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    const request = `${method} ${repository.host}/${repository.path} ${path}`;
    this.requests.push(request);
    this.onRequest(request);
    const place = `${repository.host}/${repository.path}`;
    if (this.unreachableHosts.has(repository.host)) {
      throw new SlipwayError({ code: "REGISTRY_UNAVAILABLE", text: `${place}: the registry cannot be reached.` });
    }
    if (this.deniedHosts.has(repository.host)) {
      throw new SlipwayError({ code: "REGISTRY_DENIED", text: `${place}: the registry does not let us in.` });
    }
  }

  #find(repository: RepositoryAddress, reference: string): Manifest | undefined {
    const digest = this.#tags.get(keyOf(repository, reference)) ?? reference;
    return this.#manifests.get(keyOf(repository, digest));
  }

  #has(repository: RepositoryAddress, digest: string): boolean {
    return this.#blobs.has(keyOf(repository, digest)) || this.#manifests.has(keyOf(repository, digest));
  }
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A manifest of any content, as it would be pushed. */
export function toManifest(content: { readonly mediaType: string } & Readonly<Record<string, unknown>>): Manifest {
  const bytes = Buffer.from(JSON.stringify(content));
  return { digest: digestOf(bytes), mediaType: content.mediaType, bytes };
}

/** The digests of everything that a manifest or an index names. */
function partsOf(manifest: Manifest): readonly string[] {
  const digests = manifest.bytes.toString("utf8").matchAll(/"digest":"(sha256:[a-f0-9]{64})"/g);
  return [...digests].map(([, digest = ""]) => digest);
}

function keyOf(repository: RepositoryAddress, reference: string): string {
  return `${repository.host}/${repository.path}:${reference}`;
}

function refusal(repository: RepositoryAddress, text: string): SlipwayError {
  return new SlipwayError({ code: "REGISTRY_ANSWER", text: `${repository.host}/${repository.path}: ${text}.` });
}
