import { SlipwayError } from "../sdk/error";
import { Batch } from "./batch";
import type { Credentials } from "./credentials";
import { Ecr, type EcrAnswer, type EcrImage, type EcrOptions } from "./ecr";
import { formatAddress, type EcrRegistryAddress } from "./ecr-address";
import { explainDenied } from "./ecr-denial";
import { explainEcrError, explainImageFailure } from "./ecr-errors";
import { digestOf } from "./manifest";
import { OciRegistry } from "./oci-registry";
import { checkTaken } from "./tag-taken";
import type { BlobStore, Manifest, Registry, RepositoryAddress } from "./registry";

/** BatchGetImage takes so many. */
const IDS_A_CALL = 100;
/** Whoever needs a token this soon after another one gets the same. */
const LOGIN_SHARED_MS = 1_000;

/**
 * A registry of ECR. Manifests are asked of its control plane, many in one call, and put by PutImage, which refuses a
 * manifest whose parts are missing; blobs are its registry host's.
 */
export class EcrRegistry implements Registry {
  /** It asks for many images in one call: callers need not hold back. */
  readonly isBatched = true as const;
  readonly #ecr: Ecr;
  readonly #blobs: OciRegistry;
  /** The names of repositories that answered. */
  readonly #seen = new Set<string>();
  /** Those of them whose rules were seen to. */
  readonly #prepared = new Set<string>();
  readonly #batches = new Map<string, Batch<EcrAnswer>>();
  #login: { readonly credentials: Promise<Credentials>; readonly until: number } | undefined;

  constructor(address: EcrRegistryAddress, options: EcrOptions = {}) {
    this.#ecr = new Ecr(address, options);
    this.#blobs = new OciRegistry({
      findCredentials: () => this.fetchCredentials(),
      explainDenied: (repository, request) => explainDenied(request, this.#ecr.callOf("", repository)),
    });
  }

  async findDigest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    return (await this.#find(repository, reference, signal))?.digest;
  }

  async fetchManifest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<Manifest | undefined> {
    const image = await this.#find(repository, reference, signal);
    if (image === undefined) return undefined;
    const bytes = Buffer.from(image.text);
    const digest = digestOf(bytes);
    if (digest !== image.digest)
      throw refuse(repository, `the manifest ${reference} has the digest ${digest}, not ${image.digest}`);
    return { digest, mediaType: image.mediaType, bytes };
  }

  fetchBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    return this.#blobs.fetchBlob(repository, digest, signal);
  }

  hasBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<boolean> {
    return this.#blobs.hasBlob(repository, digest, signal);
  }

  putBlob(repository: RepositoryAddress, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    return this.#blobs.putBlob(repository, digest, bytes, signal);
  }

  async putManifest(
    repository: RepositoryAddress,
    reference: string,
    manifest: Manifest,
    signal?: AbortSignal,
  ): Promise<void> {
    const isDigest = reference.startsWith("sha256:");
    if (isDigest && reference !== manifest.digest) {
      throw refuse(repository, `the manifest has the digest ${manifest.digest}, not ${reference}`);
    }
    signal?.throwIfAborted();
    const { digest, mediaType, bytes } = manifest;
    const image = { digest, mediaType, text: bytes.toString("utf8") };
    const outcome = await this.#ecr.putImage(repository, image, isDigest ? undefined : reference, signal);
    if (outcome === "put" || isDigest) return;
    checkTaken(repository, reference, digest, await this.findDigest(repository, reference, signal));
  }

  get blobs(): BlobStore {
    return this.#blobs.blobs;
  }

  /** Creates the repository, or completes what an earlier run began to create. */
  async createRepository(repository: RepositoryAddress, options: { readonly scanOnPush: boolean }): Promise<void> {
    if (this.#prepared.has(repository.path)) return;
    if (this.#seen.has(repository.path)) await this.#ecr.completeRepository(repository);
    else await this.#ecr.createRepository(repository, options);
    this.#seen.add(repository.path);
    this.#prepared.add(repository.path);
  }

  /**
   * Sees that the repository is there: a push would fail only after all was built.
   *
   * @throws SlipwayError REPOSITORY_MISSING
   */
  async requireRepository(repository: RepositoryAddress): Promise<void> {
    await this.#find(repository, "latest");
    if (this.#seen.has(repository.path)) return;
    const call = this.#ecr.callOf("BatchGetImage", repository);
    throw explainEcrError(Object.assign(new Error("it was not found"), { name: "RepositoryNotFoundException" }), call);
  }

  /** A new token, or that of a moment ago. */
  fetchCredentials(): Promise<Credentials> {
    const now = performance.now();
    if (this.#login !== undefined && now < this.#login.until) return this.#login.credentials;
    const credentials = this.#ecr
      .fetchLogin()
      .then(({ username, password }): Credentials => ({ kind: "password", username, password }));
    const login = { credentials, until: now + LOGIN_SHARED_MS };
    this.#login = login;
    credentials.catch(() => {
      if (this.#login === login) this.#login = undefined;
    });
    return credentials;
  }

  async #find(repository: RepositoryAddress, reference: string, signal?: AbortSignal): Promise<EcrImage | undefined> {
    const answer = await this.#batchOf(repository).load(reference, signal);
    if (answer !== undefined && answer.kind !== "noRepository") this.#seen.add(repository.path);
    switch (answer?.kind) {
      case "stored":
        return answer.image;
      case "missing":
      case "noRepository":
        return undefined;
      case "failed": {
        const call = {
          ...this.#ecr.callOf("BatchGetImage", repository),
          place: `${formatAddress(repository)}:${reference}`,
        };
        throw explainImageFailure(answer.code, answer.reason, call);
      }
      case undefined:
        throw refuse(repository, `ECR left ${reference} out of its answer`);
    }
  }

  #batchOf(repository: RepositoryAddress): Batch<EcrAnswer> {
    const run = (references: readonly string[]) => this.#ecr.fetchImages(repository, references);
    const key = formatAddress(repository);
    const batch = this.#batches.get(key) ?? new Batch({ run, maxKeys: IDS_A_CALL });
    this.#batches.set(key, batch);
    return batch;
  }
}

function refuse(repository: RepositoryAddress, text: string): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${formatAddress(repository)}: ${text}.`,
    hint: "Try again; see the repository in the AWS console.",
  });
}
