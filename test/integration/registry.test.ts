import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { dockerCredentials, type FindCredentials } from "../../provider/credentials";
import { OciRegistry } from "../../provider/oci-registry";
import type { RepositoryAddress } from "../../provider/registry";
import { startRegistry, TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { anyFreePort } from "../../tools/local/registry.mjs";
import { digestOf } from "../fakes/memory-registry";
import { describeRegistry } from "../fakes/registry-contract";

const root = mkdtempSync(join(tmpdir(), "slipway-registry-"));
const instances: { stop: () => Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.stop()));
  rmSync(root, { recursive: true, force: true });
});

async function start(name: string, htpasswd?: string): Promise<string> {
  const folder = join(root, name);
  mkdirSync(folder);
  const file = join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(file, htpasswd);
  const instance = await startRegistry({ root: folder, ...(htpasswd === undefined ? {} : { htpasswd: file }) });
  instances.push(instance);
  return instance.address;
}

/** Pushes a blob in the protocol's two requests, as a builder would. */
async function pushBlob(
  repository: RepositoryAddress,
  bytes: Buffer,
  headers: Record<string, string> = {},
): Promise<string> {
  const url = `http://${repository.host}/v2/${repository.path}/blobs/uploads/`;
  const begun = await fetch(url, { method: "POST", headers });
  const place = new URL(begun.headers.get("location") ?? "", url);
  place.searchParams.set("digest", digestOf(bytes));
  const type = { "content-type": "application/octet-stream" };
  const ended = await fetch(place, { method: "PUT", headers: { ...headers, ...type }, body: new Uint8Array(bytes) });
  expect(ended.status).toBe(201);
  return digestOf(bytes);
}

describeRegistry("a registry of the distribution project", async () => {
  const nobody: FindCredentials = () => Promise.resolve(undefined);
  return {
    registry: new OciRegistry({ findCredentials: nobody, backoffMs: () => 1 }),
    host: await start("open"),
    unreachableHost: `localhost:${await anyFreePort()}`,
    deniedHost: await start("closed", TEST_HTPASSWD),
    pushBlob,
  };
});

describeRegistry("a registry that asks for a login", async () => {
  const host = await start("login", TEST_HTPASSWD);
  const login = { auth: Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString("base64") };
  const denied = await start("other-login", TEST_HTPASSWD);
  const wrong = { auth: Buffer.from(`${TEST_USER}:wrong`).toString("base64") };
  writeFileSync(join(root, "config.json"), JSON.stringify({ auths: { [host]: login, [denied]: wrong } }));
  const headers = { authorization: `Basic ${login.auth}` };
  return {
    registry: new OciRegistry({ findCredentials: dockerCredentials({ DOCKER_CONFIG: root }), backoffMs: () => 1 }),
    host,
    unreachableHost: `localhost:${await anyFreePort()}`,
    deniedHost: denied,
    pushBlob: (repository, bytes) => pushBlob(repository, bytes, headers),
  };
});
