import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterAll, beforeAll } from "vitest";

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}
export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** An HTTP server on the loopback interface that lives as long as the tests of a file. */
export class HttpServer {
  /** Since the last `reset`. */
  requests: readonly SeenRequest[] = [];
  host = "";
  #answer: Answer = (_request, response) => response.writeHead(500).end();
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  constructor() {
    beforeAll(async () => {
      await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
      const address = this.#server.address();
      this.host = `127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
    });
    afterAll(async () => {
      this.#server.closeAllConnections();
      await new Promise((resolve) => this.#server.close(resolve));
    });
  }

  /** Answers so from now on, and forgets what was asked. */
  reset(answer: Answer): void {
    this.requests = [];
    this.#answer = answer;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = "", url = "" } = request;
    const body = Buffer.concat(chunks).toString("utf8");
    const seen = { method, url, authorization: request.headers.authorization, body };
    this.requests = [...this.requests, seen];
    this.#answer(seen, response);
  }
}
