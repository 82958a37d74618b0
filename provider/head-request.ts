import * as http from "node:http";
import * as https from "node:https";

/**
 * A HEAD request, as `fetch` sends it, on a connection that is kept for the next one: `fetch` closes its own after each
 * (undici, client-h1.js: some servers send a body nevertheless), so that each look-up would cost a handshake.
 *
 * @returns what the server said; redirects are followed
 * @throws what the signal aborted with, or the connection's error
 */
export async function sendHead(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  const { status, raw } = await sendOnce(url, headers, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
  if (status >= 300 && status < 400) return fetch(url, { method: "HEAD", headers, signal });
  return new Response(null, { status, headers: raw });
}

function sendOnce(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly raw: [string, string][] }> {
  return new Promise((resolve, reject) => {
    const { request } = url.startsWith("https:") ? https : http;
    const sent = request(url, { method: "HEAD", headers, signal }, (response) => {
      const { statusCode = 0, headersDistinct } = response;
      const raw = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      response.on("error", reject);
      response.on("end", () => resolve({ status: statusCode, raw }));
      response.resume();
    });
    sent.on("error", reject);
    sent.end();
  });
}
