import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { Image } from "../../sdk/image";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { Leftovers } from "../../provider/leftovers";
import { OciRegistry } from "../../provider/oci-registry";
import { ImageProgram } from "../../provider/program";
import { publishImage } from "../../provider/publish";
import { readSettings } from "../../provider/settings";
import { startRegistry, type Instance } from "../../tools/environment.mjs";
import { noSecrets } from "../fakes/secret-places";
import { endWithFile, makeTemporaryFolder } from "./stack";

const base = Image.debianSlim("3.11");
const PYTHON = "library/python";
const PYTHON_TAG = "3.11-slim-bookworm";

/** A registry of one test file's own, that holds `python:3.11-slim-bookworm` and can pass for Docker Hub. */
export interface TestRegistry {
  readonly address: string;
  /** What makes it the mirror of Docker Hub. */
  readonly env: { readonly SLIPWAY_MIRRORS: string; readonly SLIPWAY_REPOSITORY: string };
}

export async function startTestRegistry(): Promise<TestRegistry> {
  const registry: Instance & { address: string } = await startRegistry({ root: makeTemporaryFolder() });
  endWithFile(registry.stop);
  await pushBase(registry.address);
  return { address: registry.address, env: registryEnv(registry.address) };
}

export function registryEnv(address: string): TestRegistry["env"] {
  return { SLIPWAY_MIRRORS: `docker.io=${address}`, SLIPWAY_REPOSITORY: `${address}/images` };
}

/** Copies the base that the environment has, whether from Docker Hub or as a stand-in. */
async function pushBase(address: string): Promise<void> {
  const settings = readSettings(process.env);
  const source = new OciRegistry({ findCredentials: () => Promise.resolve(undefined) });
  const images = new ImageProgram({ folder: __dirname, registry: source, mirrors: settings.mirrors });
  const { specs, hash } = await images.resolve(base, ["linux/amd64"]);
  const leftovers = new Leftovers(join(makeTemporaryFolder(), "buildx"));
  await publishImage(source, () => new BuildkitBuilder(parseBuilderChoice(settings.builder), leftovers, process.env), {
    specs,
    callSites: [],
    folder: __dirname,
    mirrors: settings.mirrors,
    repository: { host: address, path: PYTHON },
    secretPlaces: noSecrets,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  const manifest = await source.fetchManifest({ host: address, path: PYTHON }, hash);
  if (manifest === undefined) throw new Error("The base was pushed and is not there");
  await source.putManifest({ host: address, path: PYTHON }, PYTHON_TAG, manifest);
}

/** Text that no earlier run of the tests can have built. */
export function newWord(): string {
  return `w${randomBytes(6).toString("hex")}`;
}

export interface StoredManifest {
  readonly digest: string;
  readonly layers: readonly { readonly digest: string }[];
}

/** What a registry has under `host/path:tag` or `host/path@digest`. */
export async function fetchStored(reference: string): Promise<StoredManifest | undefined> {
  const response = await fetch(manifestUrl(reference), {
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  if (response.status === 404) return undefined;
  const { layers } = JSON.parse(await response.text());
  return { digest: response.headers.get("docker-content-digest") ?? "", layers };
}

/** Deletes an image as a clean-up policy of the registry would. */
export async function deleteStored(ref: string): Promise<void> {
  const response = await fetch(manifestUrl(ref), { method: "DELETE" });
  if (response.status !== 202) throw new Error(`DELETE ${ref} was answered with ${response.status}`);
}

/** The tags of `host/path`. */
export async function fetchTags(repository: string): Promise<readonly string[]> {
  const [host = "", ...path] = repository.split("/");
  const response = await fetch(`http://${host}/v2/${path.join("/")}/tags/list`);
  return response.status === 404 ? [] : (JSON.parse(await response.text()).tags ?? []);
}

function manifestUrl(reference: string): string {
  const [host = "", ...rest] = reference.split("/");
  const [, path = "", tag = ""] = /^([^:@]+)[:@](.+)$/.exec(rest.join("/")) ?? [];
  return `http://${host}/v2/${path}/manifests/${tag}`;
}

/** Stands in front of a registry and writes down what it is asked. */
export interface CountingProxy {
  readonly address: string;
  /** For example `HEAD /v2/images/manifests/<tag>`. */
  readonly requests: string[];
  /** Answer everything with this status. */
  failWith(status: number | undefined): void;
  stop(): Promise<void>;
}

export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const requests: string[] = [];
  let failure: number | undefined;
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    if (failure !== undefined) {
      outgoing.writeHead(failure).end();
      return;
    }
    const { method, url, headers } = incoming;
    const forward = request(`http://${target}${url}`, { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    forward.on("error", () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `localhost:${portOf(server)}`,
    requests,
    failWith: (status) => (failure = status),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server does not listen");
  return address.port;
}
