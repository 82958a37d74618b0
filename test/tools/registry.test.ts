import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { isRegistry, nextFreePort } from "../../tools/local/registry.mjs";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function listen(headers: Record<string, string>): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(200, headers).end()).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

test("a registry is what says so; another server on its port is none", async () => {
  const registry = await listen({ "docker-distribution-api-version": "registry/2.0" });
  const other = await listen({});
  expect(await isRegistry(`localhost:${registry}`)).toBe(true);
  expect(await isRegistry(`localhost:${other}`)).toBe(false);
});

test("a port where somebody listens is passed over", async () => {
  const taken = await listen({});
  expect(await nextFreePort(taken)).toBeGreaterThan(taken);
});

test("ports that fetch does not speak to are passed over", async () => {
  expect(await nextFreePort(6665)).toBeGreaterThan(6669);
});
