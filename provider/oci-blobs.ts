import type { ReadableStream } from "node:stream/web";
import { SlipwayError } from "../sdk/error";
import type { BlobStore, RepositoryAddress, StreamedBlob } from "./registry";
import { isExpired, type RegistryAuth } from "./registry-auth";

/** With the first: three failures in a row are not the end. */
const ATTEMPTS = 4;
/** A stream that is silent for so long is dead. */
const STALL_MS = 60_000;

export interface OciBlobsOptions {
  readonly auth: RegistryAuth;
  /** A registry's scheme and host. */
  readonly originOf: (host: string) => string;
  /** What a failed request is told as. */
  readonly explain: (repository: RepositoryAddress, cause: unknown) => SlipwayError;
  /** What a status that is none of success is told as. */
  readonly refuse: (
    repository: RepositoryAddress,
    request: { readonly method: string; readonly path: string },
    status: number,
    words: string,
  ) => SlipwayError;
  /** Passes the time before attempt `n`, from 2. */
  readonly wait: (attempt: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly hasBlob: (repository: RepositoryAddress, digest: string, signal?: AbortSignal) => Promise<boolean>;
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
    if (!response.ok || response.body === null) throw await this.#refusal(repository, "GET", response);
    return response.body;
  }

  async pushBlob(repository: RepositoryAddress, blob: StreamedBlob, signal?: AbortSignal): Promise<void> {
    const { wait, hasBlob } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      if (attempt > 1) {
        await wait(attempt, signal);
        // It may have been the answer alone that was lost.
        if (await hasBlob(repository, blob.digest, signal)) return;
      }
      const failure = await this.#push(repository, blob, signal);
      if (failure === undefined) return;
      if (attempt === ATTEMPTS) throw failure;
    }
  }

  /** @returns an error that another attempt may not meet */
  async #push(
    repository: RepositoryAddress,
    blob: StreamedBlob,
    signal: AbortSignal | undefined,
  ): Promise<SlipwayError | undefined> {
    try {
      const start = `${this.#urlOf(repository)}/blobs/uploads/`;
      const begun = await this.#send(repository, { method: "POST", url: start, signal });
      const location = begun.headers.get("location");
      if (begun.status !== 202 || location === null) return await this.#passing(repository, "POST", begun);
      await begun.body?.cancel();
      const url = new URL(location, start);
      url.searchParams.set("digest", blob.digest);
      const ended = await this.#send(repository, {
        method: "PUT",
        url: url.href,
        headers: { "content-type": "application/octet-stream", "content-length": String(blob.sizeBytes) },
        body: await blob.open(),
        signal,
      });
      if (ended.status !== 201) return await this.#passing(repository, "PUT", ended);
      await ended.body?.cancel();
      return undefined;
    } catch (error) {
      // Also of the place that the bytes come from.
      if (error instanceof SlipwayError && error.code === "REGISTRY_UNAVAILABLE") return error;
      throw error;
    }
  }

  #urlOf({ host, path }: RepositoryAddress): string {
    return `${this.#options.originOf(host)}/v2/${path}`;
  }

  async #send(repository: RepositoryAddress, request: Request): Promise<Response> {
    const write = request.method !== "GET";
    const { auth, originOf } = this.#options;
    const origin = originOf(repository.host);
    try {
      const response = await this.#fetch(origin, request, auth.known(repository, write));
      if (request.body !== undefined || !(response.status === 401 || (await isExpired(response)))) return response;
      const header = await auth.answer(repository, write, response, {
        signal: request.signal,
        timeoutMs: this.#options.stallMs ?? STALL_MS,
      });
      return header === undefined ? response : await this.#fetch(origin, request, header);
    } catch (cause) {
      request.signal?.throwIfAborted();
      if (cause instanceof SlipwayError) throw cause;
      throw this.#options.explain(repository, cause);
    }
  }

  #fetch(origin: string, request: Request, authorization: string | undefined): Promise<Response> {
    const stall = new AbortController();
    const { stallMs = STALL_MS } = this.#options;
    const timer = setTimeout(() => stall.abort(new Error(`nothing moved for ${stallMs / 1_000} s`)), stallMs);
    timer.unref();
    const signal = request.signal === undefined ? stall.signal : AbortSignal.any([stall.signal, request.signal]);
    // An upload may lead to a store elsewhere, whose URL says all that it needs.
    const login = new URL(request.url).origin === origin ? authorization : undefined;
    const headers = { ...request.headers, ...(login === undefined ? {} : { authorization: login }) };
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

  /** @throws what stays; a login that ended while the bytes were under way is another one in the next attempt */
  async #passing(repository: RepositoryAddress, method: string, response: Response): Promise<SlipwayError> {
    const { status } = response;
    const passes = status === 401 || status === 429 || status >= 500 || (await isExpired(response));
    const error = await this.#refusal(repository, method, response);
    if (passes) return error;
    throw error;
  }

  async #refusal(repository: RepositoryAddress, method: string, response: Response): Promise<SlipwayError> {
    const words = (await response.text().catch(() => "")).replace(/\s+/g, " ").trim().slice(0, 600);
    return this.#options.refuse(repository, { method, path: "blobs/" }, response.status, words);
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
