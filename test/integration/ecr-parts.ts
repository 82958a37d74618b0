import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { EcrRegistry } from "../../provider/ecr-registry";
import type { Registry, RepositoryAddress } from "../../provider/registry";
import { ECR_ACCOUNT, startEcr } from "../../tools/environment.mjs";

import { digestOf } from "../fakes/memory-registry";

export type Ecr = Awaited<ReturnType<typeof startEcr>>;

/** Where the tests' repositories are, unless they say otherwise. */
export const REGION = "eu-west-1";
export const PLACE = { account: ECR_ACCOUNT, region: REGION };

/** An ECR of one test file's own; the AWS SDK of this process finds it, and nothing of the user's. */
export function useEcr(places: Parameters<typeof startEcr>[0]["places"] = [PLACE]): () => Ecr {
  const root = mkdtempSync(join(tmpdir(), "slipway-ecr-"));
  let ecr: Ecr | undefined;
  beforeAll(async () => {
    ecr = await startEcr({ root, places });
    Object.assign(process.env, ecr.env);
  });
  afterAll(async () => {
    await ecr?.stop();
    rmSync(root, { recursive: true, force: true });
  });
  return () => {
    if (ecr === undefined) throw new Error("ECR was not started");
    return ecr;
  };
}

export function hostOf(ecr: Ecr, { account, region }: { account: string; region: string } = PLACE): string {
  const host = ecr.hosts[`${account}/${region}`];
  if (host === undefined) throw new Error(`There is no registry of ${account} in ${region}`);
  return host;
}

/** Pushes a blob as a builder would, with a token of ECR's. */
export async function pushBlob(registry: EcrRegistry, repository: RepositoryAddress, bytes: Buffer): Promise<void> {
  const login = await registry.fetchCredentials();
  if (login.kind !== "password") throw new Error("ECR gives passwords");
  const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  const scheme = repository.host.startsWith("127.") ? "http" : "https";
  const url = `${scheme}://${repository.host}/v2/${repository.path}/blobs/uploads/`;
  const begun = await fetch(url, { method: "POST", headers: { authorization } });
  const place = new URL(begun.headers.get("location") ?? "", url);
  place.searchParams.set("digest", digestOf(bytes));
  const headers = { authorization, "content-type": "application/octet-stream" };
  const ended = await fetch(place, { method: "PUT", headers, body: new Uint8Array(bytes) });
  if (ended.status !== 201) throw new Error(`The blob was answered with ${ended.status}`);
}

/** One registry of several hosts. */
export function byHost(registries: Readonly<Record<string, Registry>>): Registry {
  const of = ({ host }: RepositoryAddress): Registry => {
    const registry = registries[host];
    if (registry === undefined) throw new Error(`Nobody is at ${host}`);
    return registry;
  };
  return {
    findDigest: (repository, ...rest) => of(repository).findDigest(repository, ...rest),
    fetchManifest: (repository, ...rest) => of(repository).fetchManifest(repository, ...rest),
    fetchBlob: (repository, ...rest) => of(repository).fetchBlob(repository, ...rest),
    hasBlob: (repository, ...rest) => of(repository).hasBlob(repository, ...rest),
    putBlob: (repository, ...rest) => of(repository).putBlob(repository, ...rest),
    putManifest: (repository, ...rest) => of(repository).putManifest(repository, ...rest),
  };
}
