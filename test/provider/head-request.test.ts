import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { sendHead, type HeadRequest } from "../../provider/head-request";
import { OciRegistry } from "../../provider/oci-registry";

const digest = `sha256:${"a".repeat(64)}`;
let stop: () => void = () => undefined;
afterEach(() => stop());

/** @returns host:port, and how many connections there were */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen = { connections: 0 };
  const server = createServer(answer).on("connection", () => void (seen.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  const address = server.address();
  return { host: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`, seen };
}

function head(host: string, path: string, limits: Partial<Pick<HeadRequest, "timeoutMs" | "signal">> = {}) {
  return sendHead({ origin: `http://${host}`, path, headers: {}, timeoutMs: 10_000, signal: undefined, ...limits });
}

test("many look-ups take one connection", async () => {
  const { host, seen } = await serve((_, response) =>
    response.writeHead(200, { "docker-content-digest": digest, "content-length": "1000" }).end(),
  );
  const registry = new OciRegistry({ findCredentials: async () => undefined });
  for (let count = 0; count < 5; count += 1) {
    await head(host, "/v2/");
    expect(await registry.findDigest({ host, path: "images" }, String(count))).toBe(digest);
  }
  expect(seen.connections).toBe(1);
});

test("status and all headers arrive, and no body", async () => {
  const challenges = ['Bearer realm="https://a"', "Basic"];
  const { host } = await serve((_, response) =>
    response.writeHead(401, { "www-authenticate": challenges, "content-length": "100" }).end(),
  );
  const response = await head(host, "/v2/");
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe(challenges.join(", "));
  expect(await response.text()).toBe("");
});

test("a redirect is followed", async () => {
  const { host } = await serve((request, response) => {
    if (request.url === "/from") response.writeHead(307, { location: "/to" }).end();
    else response.writeHead(200, { method: request.method }).end();
  });
  const response = await head(host, "/from");
  expect([response.status, response.headers.get("method")]).toEqual([200, "HEAD"]);
});

test("whoever waits no longer gets their own reason, and a refused connection is an error", async () => {
  const { host } = await serve(() => undefined);
  const limit = new AbortController();
  const waiting = head(host, "/", { signal: limit.signal });
  limit.abort(new Error("long enough"));
  await expect(waiting).rejects.toThrow("long enough");
  stop();
  await expect(head(host, "/")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a server that is silent is not waited for", async () => {
  const { host } = await serve(() => undefined);
  await expect(head(host, "/", { timeoutMs: 50 })).rejects.toMatchObject({ name: "TimeoutError" });
});

test("what was answered holds the process up no longer", async () => {
  const { host } = await serve((_, response) => response.writeHead(200).end());
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  await head(host, "/");
  for (let turns = 0; turns < 100 && vi.getTimerCount() > 0; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(vi.getTimerCount()).toBe(0);
});

test("an upgrade that nobody asked for is an error, not waited for", async () => {
  const { host } = await serve((_, response) => {
    response.socket?.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  });
  await expect(head(host, "/")).rejects.toThrow("the server answered with another protocol");
});

test("many requests at once with one signal print no warning", async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(warning.message);
  process.on("warning", note);
  const { host } = await serve((_, response) => response.writeHead(200).end());
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 20 }, () => head(host, "/", { signal })));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  expect(warnings).toEqual([]);
});
