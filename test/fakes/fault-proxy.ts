import { randomBytes } from "node:crypto";
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";

/** What a request is for. */
export const requestKinds = ["token", "existence", "blobUpload", "manifestPut", "tagPut"] as const;
export type RequestKind = (typeof requestKinds)[number];

/**
 * What becomes of a request: a status as its answer; the connection reset; the request done, and its answer cut off; no
 * answer at all.
 */
export const faults = ["429", "500", "503", "401", "reset", "truncated", "stall"] as const;
export type Fault = (typeof faults)[number];

export interface FaultPlan {
  readonly kind: RequestKind;
  readonly fault: Fault;
  /** How many of that kind pass first. */
  readonly skip: number;
  /** How many in a row meet the fault. */
  readonly times: number;
}

export interface FaultProxyOptions {
  /** `host:port` behind it. */
  readonly target: string;
  /** Asks for bearer tokens, and makes them for this user and password only. */
  readonly login?: { readonly username: string; readonly password: string };
}

/** Called when a request of a kind has come, and again before its answer goes back. */
export type Watcher = (event: {
  readonly kind: RequestKind | "pull" | undefined;
  readonly moment: "asked" | "answered";
}) => void | Promise<void>;

/** Stands in front of a registry, or of ECR's control plane, and does to chosen requests what networks do. */
export class FaultProxy {
  plan: FaultPlan | undefined;
  watcher: Watcher | undefined;
  /** How many requests met the fault since `plan` was set by `use`. */
  met = 0;
  readonly seen: (RequestKind | "pull" | undefined)[] = [];
  host = "";
  readonly #options: FaultProxyOptions;
  readonly #tokens = new Set<string>();
  readonly #server = createServer((incoming, outgoing) => {
    void this.#answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  #passed = 0;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.host = `127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
    return this;
  }

  use(plan: FaultPlan | undefined): void {
    this.plan = plan;
    this.met = 0;
    this.#passed = 0;
  }

  /** Whoever had one needs another. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    incoming.on("error", () => undefined);
    outgoing.on("error", () => undefined);
    const body = await readBody(incoming);
    const kind = kindOf(incoming, body);
    this.seen.push(kind);
    await this.watcher?.({ kind, moment: "asked" });
    // A fault in the middle of a build is one of those who were let in.
    if (kind !== "token" && !this.#isLetIn(incoming)) return this.#challenge(outgoing);
    const fault = this.#nextFault(kind);
    switch (fault) {
      case "429":
      case "500":
      case "503":
        return void outgoing.writeHead(Number(fault), { "retry-after": "0" }).end(`{"errors":[{"code":"FAULT"}]}`);
      case "401":
        return this.#challenge(outgoing);
      case "reset":
        return void incoming.socket.resetAndDestroy();
      case "stall":
        return undefined;
      case "truncated":
      case undefined:
        break;
    }
    if (kind === "token" && this.#options.login !== undefined) return this.#sendToken(incoming, outgoing, fault);
    const { status, headers, bytes } = await forward(this.#options.target, incoming, body);
    await this.watcher?.({ kind, moment: "answered" });
    if (fault === "truncated") return cutOff(outgoing, status, headers, bytes);
    outgoing.writeHead(status, headers).end(bytes);
  }

  #nextFault(kind: RequestKind | "pull" | undefined): Fault | undefined {
    if (this.plan === undefined || kind !== this.plan.kind) return undefined;
    if ((this.#passed += 1) <= this.plan.skip || this.met >= this.plan.times) return undefined;
    this.met += 1;
    return this.plan.fault;
  }

  #isLetIn({ headers }: IncomingMessage): boolean {
    if (this.#options.login === undefined) return true;
    return this.#tokens.has((headers.authorization ?? "").replace(/^Bearer /, ""));
  }

  #challenge(outgoing: ServerResponse): void {
    const challenge = `Bearer realm="http://${this.host}/token",service="fault-proxy"`;
    outgoing.writeHead(401, { "www-authenticate": challenge }).end(`{"errors":[{"code":"UNAUTHORIZED"}]}`);
  }

  #sendToken({ headers }: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
    const { username, password } = this.#options.login ?? { username: "", password: "" };
    const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    if (headers.authorization !== expected) return void outgoing.writeHead(401).end();
    const token = randomBytes(12).toString("hex");
    this.#tokens.add(token);
    const bytes = Buffer.from(JSON.stringify({ token, expires_in: 300 }));
    if (fault === "truncated") return cutOff(outgoing, 200, {}, bytes);
    outgoing.writeHead(200, { "content-type": "application/json" }).end(bytes);
  }
}

/** By the distribution protocol, or by ECR's own (https://docs.aws.amazon.com/AmazonECR/latest/APIReference). */
function kindOf({ method = "", url = "", headers }: IncomingMessage, body: Buffer): RequestKind | "pull" | undefined {
  const operation = String(headers["x-amz-target"] ?? "").split(".")[1];
  if (operation === "GetAuthorizationToken" || url.startsWith("/token")) return "token";
  if (operation === "BatchGetImage") return "existence";
  if (operation === "PutImage") return body.includes('"imageTag"') ? "tagPut" : "manifestPut";
  const isRead = method === "GET" || method === "HEAD";
  if (/\/manifests\/[0-9a-f]{64}$/.test(url)) return isRead ? "existence" : "tagPut";
  if (/\/manifests\/sha256:/.test(url)) return isRead ? undefined : "manifestPut";
  if (url.includes("/blobs/uploads")) return "blobUpload";
  return method === "GET" && url.includes("/blobs/") ? "pull" : undefined;
}

function cutOff(outgoing: ServerResponse, status: number, headers: IncomingMessage["headers"], bytes: Buffer): void {
  const { "transfer-encoding": _, ...rest } = headers;
  outgoing.writeHead(status, { ...rest, "content-length": String(bytes.length + 50) });
  outgoing.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => outgoing.destroy());
  outgoing.flushHeaders();
  setTimeout(() => outgoing.destroy(), 20);
}

function forward(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  return new Promise<{ status: number; headers: IncomingMessage["headers"]; bytes: Buffer }>((resolve, reject) => {
    const { authorization, "transfer-encoding": _, ...rest } = headers;
    // A bearer token is ours; what ECR is sent is ECR's, and signed for its host.
    const kept = authorization === undefined || authorization.startsWith("Bearer ") ? {} : { authorization };
    const own = { ...rest, ...kept, ...(body.length === 0 ? {} : { "content-length": String(body.length) }) };
    const onward = send(`http://${target}${url}`, { method, headers: own }, (response) => {
      void readBody(response).then((bytes) => {
        resolve({ status: response.statusCode ?? 502, headers: response.headers, bytes });
      }, reject);
    });
    onward.on("error", reject);
    onward.end(body);
  });
}

async function readBody(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
