// The little that is read from a registry on this machine, by the distribution protocol over plain HTTP.
import { isRecord } from "./json-file.mjs";

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * @typedef {object} ImageConfig
 * @property {readonly string[]} command entrypoint and arguments, what a container of it runs
 * @property {string} platform like linux/amd64
 */

/**
 * The digest behind a tag, undefined when there is none.
 * @param {string} registry
 * @param {string} repository
 * @param {string} tag
 * @returns {Promise<string | undefined>}
 */
export async function readDigest(registry, repository, tag) {
  const url = `http://${registry}/v2/${repository}/manifests/${tag}`;
  const response = await fetch(url, {
    method: "HEAD",
    headers: { accept: manifestTypes },
    signal: AbortSignal.timeout(10_000),
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`HEAD ${url}: ${response.status}`);
  return response.headers.get("docker-content-digest") ?? undefined;
}

/**
 * What a container of an image runs.
 * @param {string} reference host:port/repository@sha256:… or host:port/repository:tag
 * @returns {Promise<ImageConfig>}
 */
export async function readImageConfig(reference) {
  const [, registry, repository, version] = /^([^/]+)\/(.+?)(?:@|:)((?:sha256:)?[^:/@]+)$/.exec(reference) ?? [];
  const read = (/** @type {string} */ path) => readObject(`http://${registry}/v2/${repository}/${path}`);
  let manifest = await read(`manifests/${version}`);
  if (Array.isArray(manifest["manifests"])) {
    manifest = await read(
      `manifests/${digestOf(manifest["manifests"].find((entry) => entry?.platform?.os !== "unknown"))}`,
    );
  }
  const config = await read(`blobs/${digestOf(manifest["config"])}`);
  const inner = isRecord(config["config"]) ? config["config"] : {};
  const command = [...texts(inner["Entrypoint"]), ...texts(inner["Cmd"])];
  return { command, platform: `${String(config["os"])}/${String(config["architecture"])}` };
}

/** @param {string} url @returns {Promise<Record<string, unknown>>} */
async function readObject(url) {
  const response = await fetch(url, { headers: { accept: manifestTypes }, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  /** @type {unknown} */
  const body = await response.json();
  if (!isRecord(body)) throw new Error(`GET ${url}: not a JSON object`);
  return body;
}

/** @param {unknown} descriptor @returns {string} */
function digestOf(descriptor) {
  if (isRecord(descriptor) && typeof descriptor["digest"] === "string") return descriptor["digest"];
  throw new Error("A manifest without the digest of what it describes");
}

/** @param {unknown} value @returns {string[]} */
const texts = (value) => (Array.isArray(value) ? value.map(String) : []);
