import * as http from "node:http";
import * as https from "node:https";
import { urlToHttpOptions } from "node:url";
import { limitTime, timeoutError } from "./time-limit";

/** What `fetch` answers with, as far as there is any of it without a body. */
export type HeadResponse = Pick<Response, "ok" | "status" | "text" | "arrayBuffer"> & {
  readonly headers: Pick<Headers, "get">;
  readonly clone: () => Pick<Response, "text">;
};

export interface HeadRequest {
  /** `https://host[:port]`, or with `http` */
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What the URL of an origin gives is asked for once: it costs as much as the request. */
const servers = new Map<string, http.RequestOptions>();

/**
 * A HEAD request, as `fetch` sends it, on a connection that is kept for the next one: `fetch` closes its own after each
 * (undici, client-h1.js: some servers send a body nevertheless), so that each look-up would cost a handshake. A preview
 * sends one for each image: it costs half of one that answers with a Response and is ended by an AbortSignal.
 *
 * @returns what the server said; redirects are followed
 * @throws what the signal aborted with, a TimeoutError, or the connection's error
 */
export async function sendHead(request: HeadRequest): Promise<HeadResponse> {
  const { origin, path, headers, timeoutMs, signal } = request;
  const end = performance.now() + timeoutMs;
  const answer = await sendOnce(request).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  if (answer.status < 300 || answer.status >= 400) return answer;
  return fetch(`${origin}${path}`, { method: "HEAD", headers, signal: limitTime(end - performance.now(), signal) });
}

function sendOnce({ origin, path, headers, timeoutMs, signal }: HeadRequest): Promise<HeadResponse> {
  const server = servers.get(origin) ?? urlToHttpOptions(new URL(origin));
  servers.set(origin, server);
  const { request } = server.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    // Of its own: many requests at once would be too many listeners for one signal.
    const own = signal === undefined ? {} : { signal: AbortSignal.any([signal]) };
    const sent = request({ ...server, path, method: "HEAD", headers, ...own }, (response) => {
      response.on("error", () => undefined); // All that there is has come.
      response.resume();
      resolve(readHead(response));
    });
    const timer = setTimeout(() => sent.destroy(timeoutError()), timeoutMs);
    sent.on("error", reject);
    sent.on("close", () => clearTimeout(timer));
    // Neither a response nor an error.
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("the server answered with another protocol"));
    });
    sent.end();
  });
}

function readHead({ statusCode: status = 0, headers }: http.IncomingMessage): HeadResponse {
  const nothing = { text: () => Promise.resolve(""), arrayBuffer: () => Promise.resolve(new ArrayBuffer(0)) };
  return {
    ok: status >= 200 && status < 300,
    status,
    headers: { get: (name) => headers[name.toLowerCase()]?.toString() ?? null },
    ...nothing,
    clone: () => nothing,
  };
}
