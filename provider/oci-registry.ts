import { setTimeout as sleep } from "node:timers/promises";
import { describeError, SlipwayError } from "../sdk/error";
import type { FindCredentials } from "./credentials";
import type { DeniedRequest } from "./ecr-denial";
import { checkTaken } from "./tag-taken";
import { sendHead, type HeadResponse } from "./head-request";
import { digestOf, MANIFEST_TYPES } from "./manifest";
import { OciBlobs } from "./oci-blobs";
import type { BlobStore, Manifest, Registry, RepositoryAddress } from "./registry";
import { isExpired, RegistryAuth } from "./registry-auth";
import { limitTime } from "./time-limit";

const ACCEPT = MANIFEST_TYPES.join(", ");
/** With the first: three failures in a row are not the end. */
const ATTEMPTS = 4;
const TIMEOUT_MS = 30_000;
/**
 * Of a manifest whose parts were pushed. A registry on a file system (distribution 3.0) reads the link of a blob as an
 * empty one while another push to the same repository writes it.
 */
const BLOB_UNKNOWN = /MANIFEST_BLOB_UNKNOWN/;
/** What registries say of a tag that must not move: ECR, Harbor, Artifact Registry. */
const IMMUTABLE = /immutable|cannot be overwritten/i;

export interface OciRegistryOptions {
  readonly findCredentials: FindCredentials;
  /** Hosts that are asked by plain HTTP; those of the loopback interface always are. */
  readonly insecureHosts?: ReadonlySet<string>;
  /** What a 403 is told as, where the registry's own permissions are known. */
  readonly explainDenied?: (repository: RepositoryAddress, request: DeniedRequest) => SlipwayError;
  /** For one request, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** How long to wait before attempt `n` (from 1), in milliseconds. */
  readonly backoffMs?: (attempt: number) => number;
}

interface Request {
  readonly method: "GET" | "HEAD" | "PUT";
  /** Below the repository. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal | undefined;
}

/** A response that was read to its end. */
interface Answer {
  readonly status: number;
  readonly headers: Pick<Headers, "get">;
  readonly bytes: Buffer;
}

/**
 * Any registry that speaks the distribution protocol
 * (https://github.com/opencontainers/distribution-spec/blob/main/spec.md).
 */
export class OciRegistry implements Registry {
  readonly #options: OciRegistryOptions;
  readonly #auth: RegistryAuth;
  /** The repositories that have answered. */
  readonly #letIn = new Set<string>();
  readonly blobs: BlobStore;

  constructor(options: OciRegistryOptions) {
    this.#options = options;
    this.#auth = new RegistryAuth(options.findCredentials);
    this.blobs = new OciBlobs({
      auth: this.#auth,
      originOf: (host) => this.#origin(host),
      explain: unavailable,
      refuse: (repository, request, status, words) => this.#refusal(repository, request, status, words),
      wait: (attempt, signal) => this.#wait(attempt, signal),
      hasBlob: (repository, digest, signal) => this.hasBlob(repository, digest, signal),
      ...(options.timeoutMs === undefined ? {} : { stallMs: options.timeoutMs }),
    });
  }

  async findDigest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const path = `manifests/${reference}`;
    const response = await this.#send(repository, {
      method: "HEAD",
      path,
      headers: { accept: ACCEPT },
      signal,
    });
    if (response.status === 404) return undefined;
    const digest = response.headers.get("docker-content-digest");
    return digest ?? (await this.fetchManifest(repository, reference, signal))?.digest;
  }

  async fetchManifest(
    repository: RepositoryAddress,
    reference: string,
    signal?: AbortSignal,
  ): Promise<Manifest | undefined> {
    const path = `manifests/${reference}`;
    const response = await this.#send(repository, {
      method: "GET",
      path,
      headers: { accept: ACCEPT },
      signal,
    });
    if (response.status === 404) return undefined;
    const { bytes } = response;
    const digest = digestOf(bytes);
    const expected = reference.startsWith("sha256:") ? reference : response.headers.get("docker-content-digest");
    if (expected !== null && expected !== digest) {
      throw answer(repository, `the manifest ${reference} has the digest ${digest}, not ${expected}`);
    }
    return { digest, mediaType: response.headers.get("content-type") ?? "", bytes };
  }

  async hasBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<boolean> {
    const response = await this.#send(repository, { method: "HEAD", path: `blobs/${digest}`, signal });
    return response.status !== 404;
  }

  async fetchBlob(repository: RepositoryAddress, digest: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    const response = await this.#send(repository, { method: "GET", path: `blobs/${digest}`, signal });
    if (response.status === 404) return undefined;
    const actual = digestOf(response.bytes);
    if (actual !== digest) throw answer(repository, `the blob ${digest} has the digest ${actual}`);
    return response.bytes;
  }

  putBlob(repository: RepositoryAddress, digest: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    const open = () => Promise.resolve(new Blob([new Uint8Array(bytes)]).stream());
    return this.blobs.pushBlob(repository, { digest, sizeBytes: bytes.length, open }, signal);
  }

  async putManifest(
    repository: RepositoryAddress,
    reference: string,
    manifest: Manifest,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = `manifests/${reference}`;
    const headers = { "content-type": manifest.mediaType };
    let response: Answer;
    try {
      response = await this.#send(repository, { method: "PUT", path, headers, body: manifest.bytes, signal });
    } catch (error) {
      if (!(error instanceof SlipwayError) || !IMMUTABLE.test(error.text)) throw error;
      return checkTaken(repository, reference, manifest.digest, await this.findDigest(repository, reference, signal));
    }
    if (response.status === 404) throw answer(repository, "it has no such repository, and makes none by itself");
  }

  /** One request, answered with success or 404; repeated where the failure may pass, with credentials where they are asked for. */
  async #send(repository: RepositoryAddress, request: Request): Promise<Answer> {
    let failure: SlipwayError | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (attempt > 1) await this.#wait(attempt, request.signal);
      const result = await this.#attempt(repository, request);
      if (!(result instanceof SlipwayError)) return result;
      failure = result;
    }
    throw failure ?? answer(repository, "no attempt was made");
  }

  /** An answer, or an error that another attempt may not meet. */
  async #attempt(repository: RepositoryAddress, request: Request): Promise<Answer | SlipwayError> {
    const write = isWrite(request);
    // Whoever was let in a moment ago, and is refused with a login of this moment, meets a registry in trouble.
    const mayPass = this.#letIn.has(`${repository.host}/${repository.path}`);
    let isLoggingIn = false;
    try {
      let response = await this.#fetch(repository, request, this.#auth.known(repository, write));
      if (response.status === 401 || (await isExpired(response))) {
        const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
        isLoggingIn = true;
        const header = await this.#auth.answer(repository, write, response, { signal: request.signal, timeoutMs });
        isLoggingIn = false;
        if (header !== undefined) response = await this.#fetch(repository, request, header);
      }
      if (response.ok || response.status === 404) {
        const { status, headers } = response;
        this.#letIn.add(`${repository.host}/${repository.path}`);
        return { status, headers, bytes: Buffer.from(await response.arrayBuffer()) };
      }
      const text = await readErrors(response);
      if (response.status === 401 || response.status === 403) {
        const refusal = this.#denied(repository, request, response.status, text);
        if (mayPass && response.status === 401) return refusal;
        throw refusal;
      }
      const error = answer(repository, `${request.method} ${request.path} was answered with ${response.status}${text}`);
      if (response.status === 429 || response.status >= 500 || BLOB_UNKNOWN.test(text)) return error;
      throw error;
    } catch (cause) {
      if (cause instanceof SlipwayError) {
        if (mayPass && isLoggingIn) return cause;
        throw cause;
      }
      request.signal?.throwIfAborted();
      return unavailable(repository, cause);
    }
  }

  #fetch(
    repository: RepositoryAddress,
    request: Request,
    authorization: string | undefined,
  ): Promise<Response | HeadResponse> {
    const origin = this.#origin(repository.host);
    const path = `/v2/${repository.path}/${request.path}`;
    const { method, body } = request;
    const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    if (method === "HEAD") return sendHead({ origin, path, headers, timeoutMs, signal: request.signal });
    const signal = limitTime(timeoutMs, request.signal);
    return fetch(`${origin}${path}`, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
  }

  /** What the upload or the stream of a blob was answered with. */
  #refusal(
    repository: RepositoryAddress,
    request: Pick<DeniedRequest, "method" | "path">,
    status: number,
    words: string,
  ): SlipwayError {
    const text = words === "" ? "" : `: ${words}`;
    if (status === 401 || status === 403) return this.#denied(repository, request, status, text);
    const what = request.method === "GET" ? "a blob" : "an upload";
    const error = answer(repository, `${what} was answered with ${status}${text}`);
    if (status !== 429 && status < 500) return error;
    return new SlipwayError({ code: "REGISTRY_UNAVAILABLE", text: error.text, hint: error.hint });
  }

  #denied(
    repository: RepositoryAddress,
    { method, path }: Pick<DeniedRequest, "method" | "path">,
    status: number,
    words: string,
  ): SlipwayError {
    const explain = status === 403 ? this.#options.explainDenied : undefined;
    return explain?.(repository, { method, path, words }) ?? denied(repository, method, status, words);
  }

  #origin(host: string): string {
    if (isLoopback(host) || this.#options.insecureHosts?.has(host) === true) return `http://${host}`;
    return `https://${host === "docker.io" ? "registry-1.docker.io" : host}`;
  }

  async #wait(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const delayMs = this.#options.backoffMs?.(attempt - 1) ?? 250 * 3 ** (attempt - 2);
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Whether a registry's host is this machine itself. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
}

function isWrite({ method }: Request): boolean {
  return method === "PUT";
}

/** The registry's own words, for a message: `: MANIFEST_INVALID, manifest invalid`. */
async function readErrors(response: Pick<Response, "text">): Promise<string> {
  const text = await response.text().catch(() => "");
  const words = text.replace(/\s+/g, " ").trim().slice(0, 300);
  return words === "" ? "" : `: ${words}`;
}

function denied(repository: RepositoryAddress, method: string, status: number, text: string): SlipwayError {
  const wanted = method === "PUT" || method === "POST" ? "write to" : "read from";
  return new SlipwayError({
    code: "REGISTRY_DENIED",
    text: `${repository.host}/${repository.path}: the registry does not let us ${wanted} it (${status}${text}).`,
    hint: `Run docker login ${repository.host}, or set DOCKER_CONFIG to the folder of a login that may.`,
  });
}

function unavailable(repository: RepositoryAddress, cause: unknown): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_UNAVAILABLE",
    text: `${repository.host}/${repository.path}: the registry cannot be reached: ${describeError(reasonOf(cause))}.`,
    hint: "See that it runs and that this machine can reach it.",
    cause,
  });
}

/** fetch says "fetch failed" and keeps what happened as its cause. */
function reasonOf(error: unknown): unknown {
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
}

function answer(repository: RepositoryAddress, text: string): SlipwayError {
  return new SlipwayError({
    code: "REGISTRY_ANSWER",
    text: `${repository.host}/${repository.path}: ${text}.`,
    hint: "See the registry's own log, or try again.",
  });
}
