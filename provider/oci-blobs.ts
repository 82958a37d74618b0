import type { ReadableStream } from "node:stream/web";
import { SlipwayError } from "../sdk/error";
import { formatAddress } from "./ecr-address";
import type { BlobStore, RepositoryAddress, StreamedBlob } from "./registry";
import type { RegistryAuth } from "./registry-auth";

/** A stream that is silent for so long is dead. */
const STALL_MS = 60_000;

export interface OciBlobsOptions {
  readonly auth: RegistryAuth;
  /** A registry's scheme and host. */
  readonly originOf: (host: string) => string;
  /** What a failed request is told as. */
  readonly explain: (repository: RepositoryAddress, cause: unknown) => SlipwayError;
  readonly stallMs?: number;
}

interface Request {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ReadableStream<Uint8Array>;
  readonly signal: AbortSignal | undefined;
}

/** Blobs of any registry of the distribution protocol, as streams: opened by one GET, pushed by POST and PUT. */
export class OciBlobs implements BlobStore {
  readonly #options: OciBlobsOptions;

  constructor(options: OciBlobsOptions) {
    this.#options = options;
  }

  async openBlob(
    repository: RepositoryAddress,
    digest: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const url = `${this.#urlOf(repository)}/blobs/${digest}`;
    const response = await this.#send(repository, { method: "GET", url, signal });
    if (response.status === 404) return undefined;
    if (!response.ok || response.body === null) throw await this.#refused(repository, response);
    return response.body;
  }

  async pushBlob(repository: RepositoryAddress, blob: StreamedBlob, signal?: AbortSignal): Promise<void> {
    const start = `${this.#urlOf(repository)}/blobs/uploads/`;
    const begun = await this.#send(repository, { method: "POST", url: start, signal });
    await begun.body?.cancel();
    const location = begun.headers.get("location");
    if (begun.status !== 202 || location === null) throw await this.#refused(repository, begun);
    const url = new URL(location, start);
    url.searchParams.set("digest", blob.digest);
    const ended = await this.#send(repository, {
      method: "PUT",
      url: url.href,
      headers: { "content-type": "application/octet-stream", "content-length": String(blob.sizeBytes) },
      body: blob.body,
      signal,
    });
    if (ended.status !== 201) throw await this.#refused(repository, ended);
    await ended.body?.cancel();
  }

  #urlOf({ host, path }: RepositoryAddress): string {
    return `${this.#options.originOf(host)}/v2/${path}`;
  }

  async #send(repository: RepositoryAddress, request: Request): Promise<Response> {
    const write = request.method !== "GET";
    const { auth } = this.#options;
    try {
      const response = await this.#fetch(request, auth.known(repository, write));
      if (response.status !== 401 || request.body !== undefined) return response;
      const header = await auth.answer(repository, write, response, {
        signal: request.signal,
        timeoutMs: this.#options.stallMs ?? STALL_MS,
      });
      return header === undefined ? response : await this.#fetch(request, header);
    } catch (cause) {
      request.signal?.throwIfAborted();
      if (cause instanceof SlipwayError) throw cause;
      throw this.#options.explain(repository, cause);
    }
  }

  #fetch(request: Request, authorization: string | undefined): Promise<Response> {
    const stall = new AbortController();
    const { stallMs = STALL_MS } = this.#options;
    const timer = setTimeout(() => stall.abort(new Error(`nothing moved for ${stallMs / 1_000} s`)), stallMs);
    timer.unref();
    const signal = request.signal === undefined ? stall.signal : AbortSignal.any([stall.signal, request.signal]);
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    const own = { method: request.method, headers, signal };
    const watched = request.body === undefined ? {} : { body: watch(request.body, timer), duplex: "half" as const };
    return fetch(request.url, { ...own, ...watched }).then(
      (response) => {
        timer.refresh();
        if (request.method !== "GET" || response.body === null) clearTimeout(timer);
        else return new Response(watch(response.body, timer), response);
        return response;
      },
      (error: unknown) => {
        clearTimeout(timer);
        throw error;
      },
    );
  }

  async #refused(repository: RepositoryAddress, response: Response): Promise<SlipwayError> {
    const words = (await response.text().catch(() => "")).replace(/\s+/g, " ").slice(0, 300);
    const text = `${formatAddress(repository)}: a blob was answered with ${response.status}: ${words}.`;
    // A token that ended in the middle is a trouble that passes, too: the next attempt asks for another one.
    const passes = response.status === 401 || response.status === 429 || response.status >= 500;
    const code = passes ? "REGISTRY_UNAVAILABLE" : response.status === 403 ? "REGISTRY_DENIED" : "REGISTRY_ANSWER";
    return new SlipwayError({ code, text, hint: "See the registry's own log, or try again." });
  }
}

/** The same stream; each part of it that passes starts the timer anew, its end stops it. */
function watch(stream: ReadableStream<Uint8Array>, timer: NodeJS.Timeout): ReadableStream<Uint8Array> {
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (part, controller) => {
        timer.refresh();
        controller.enqueue(part);
      },
      flush: () => clearTimeout(timer),
    }),
  );
}
