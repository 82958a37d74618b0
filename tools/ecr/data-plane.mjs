// ECR's registry host of one account and region: manifests are moto's, as on ECR they are the control plane's; blobs
// are a plain registry's.
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, readBody } from "./http.mjs";
import { askMoto } from "./moto-client.mjs";

/**
 * @typedef {import("./http.mjs").Outgoing} Outgoing
 * @typedef {import("./http.mjs").Incoming} Incoming
 *
 * @typedef {object} DataPlane
 * @property {import("./moto-client.mjs").Place} place
 * @property {string} moto its origin
 * @property {string} registry `host:port` of a plain registry
 * @property {string[]} requests for example `PUT /v2/images/manifests/sha256:… 201`
 * @property {import("./control-plane.mjs").Tokens} tokens
 * @property {(method: string, pathname: string) => Refusal | undefined} onRequest may refuse a request that was let in
 *
 * @typedef {object} Refusal
 * @property {number} status
 * @property {string} code for example `DENIED`
 * @property {string} message
 */

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** @param {DataPlane} plane */
export function startDataPlane(plane) {
  return listen(async (incoming, outgoing) => {
    const { pathname } = new URL(incoming.url ?? "/", "http://registry");
    const note = () => plane.requests.push(`${incoming.method} ${pathname} ${outgoing.statusCode}`);
    outgoing.on("finish", note);
    if (!isLetIn(plane, incoming.headers.authorization)) {
      incoming.resume();
      const realm = `Basic realm="https://${plane.place.account}.dkr.ecr.${plane.place.region}.amazonaws.com/",service="ecr.amazonaws.com"`;
      return refuse(outgoing, 401, "UNAUTHORIZED", "Not Authorized", { "www-authenticate": realm });
    }
    const refusal = plane.onRequest(incoming.method ?? "", pathname);
    if (refusal !== undefined) {
      incoming.resume();
      return refuse(outgoing, refusal.status, refusal.code, refusal.message);
    }
    if (pathname === "/v2/") return void outgoing.writeHead(200).end("{}");
    const [, repository = "", kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    const isWrite = incoming.method !== "GET" && incoming.method !== "HEAD";
    if (
      isWrite &&
      !(await askMoto(plane.moto, plane.place, "DescribeRepositories", { repositoryNames: [repository] })).isOk
    ) {
      incoming.resume();
      const text = `The repository with name '${repository}' does not exist in the registry with id '${plane.place.account}'`;
      return refuse(outgoing, 404, "NAME_UNKNOWN", text);
    }
    if (kind === "manifests") {
      if (isWrite) return putManifest(plane, { incoming, outgoing, repository, reference });
      return sendManifest(plane, { incoming, outgoing, repository, reference });
    }
    return forward(plane, incoming, outgoing);
  });
}

/** The first layer or config of a manifest that the registry does not have. @param {string} registry @param {import("./moto-client.mjs").Place} place @param {string} repository @param {string} text */
export async function findMissingLayer(registry, place, repository, text) {
  const manifest = JSON.parse(text);
  for (const part of [manifest.config, ...(manifest.layers ?? [])]) {
    if (part === undefined) continue;
    const url = `http://${registry}/v2/${prefixOf(place)}${repository}/blobs/${part.digest}`;
    if (!(await isThere(url))) return String(part.digest);
  }
  return undefined;
}

/**
 * Distribution 3.0.0 empties a layer's link while a second upload of it writes the same again, and answers 500 to whoever asks
 * in between. ECR knows no such moment.
 * @param {string} url @returns {Promise<boolean>}
 */
async function isThere(url, tries = 10) {
  const { ok, status } = await fetch(url, { method: "HEAD" });
  if (status !== 500 || tries === 1) return ok;
  await sleep(20);
  return isThere(url, tries - 1);
}

/** @param {DataPlane} plane @param {string | undefined} authorization */
function isLetIn(plane, authorization = "") {
  const [user, token = ""] = Buffer.from(authorization.replace(/^Basic /i, ""), "base64")
    .toString("utf8")
    .split(":");
  return user === "AWS" && (plane.tokens.expiry.get(token) ?? 0) > Date.now();
}

/** @typedef {{ incoming: Incoming, outgoing: Outgoing, repository: string, reference: string }} ManifestRequest */

/** @param {DataPlane} plane @param {ManifestRequest} request_ */
async function sendManifest(plane, { incoming, outgoing, repository, reference }) {
  const id = reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
  const input = { repositoryName: repository, imageIds: [id], acceptedMediaTypes: MANIFEST_TYPES };
  const { isOk, body } = await askMoto(plane.moto, plane.place, "BatchGetImage", input);
  const [image] = isOk ? body.images : [];
  if (image === undefined) return refuse(outgoing, 404, "MANIFEST_UNKNOWN", "Requested image not found");
  const bytes = Buffer.from(image.imageManifest);
  outgoing.writeHead(200, {
    "content-type": image.imageManifestMediaType ?? JSON.parse(image.imageManifest).mediaType,
    "content-length": bytes.length,
    "docker-content-digest": image.imageId.imageDigest,
  });
  outgoing.end(incoming.method === "HEAD" ? undefined : bytes);
}

/** @param {DataPlane} plane @param {ManifestRequest} request_ */
async function putManifest(plane, { incoming, outgoing, repository, reference }) {
  const text = (await readBody(incoming)).toString("utf8");
  const missing = await findMissingLayer(plane.registry, plane.place, repository, text);
  if (missing !== undefined) return refuse(outgoing, 400, "BLOB_UNKNOWN", `blob ${missing} unknown to registry`);
  const id = reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
  const imageManifestMediaType = incoming.headers["content-type"];
  const input = { repositoryName: repository, imageManifest: text, imageManifestMediaType, ...id };
  const { isOk, body } = await askMoto(plane.moto, plane.place, "PutImage", input);
  if (!isOk && !String(body.__type).includes("ImageAlreadyExists")) {
    return refuse(outgoing, 400, "MANIFEST_INVALID", String(body.message ?? body.Message ?? body.__type));
  }
  const digest = isOk ? body.image.imageId.imageDigest : reference;
  outgoing.writeHead(201, { "docker-content-digest": digest, location: `/v2/${repository}/manifests/${digest}` }).end();
}

/** One registry serves all places: each has a part of its own. @param {import("./moto-client.mjs").Place} place */
const prefixOf = ({ account, region }) => `${account}/${region}/`;

/** @param {DataPlane} plane @param {Incoming} incoming @param {Outgoing} outgoing @returns {Promise<void>} */
function forward(plane, incoming, outgoing) {
  const prefix = prefixOf(plane.place);
  const { authorization: _, ...headers } = incoming.headers;
  const path = new URL(incoming.url ?? "/", "http://registry");
  const url = `http://${plane.registry}/v2/${prefix}${path.pathname.slice("/v2/".length)}${path.search}`;
  return new Promise((resolve, reject) => {
    const onward = request(url, { method: incoming.method, headers }, (response) => {
      const { location } = response.headers;
      const own = location?.replace(`/v2/${prefix}`, "/v2/");
      outgoing.writeHead(response.statusCode ?? 502, {
        ...response.headers,
        ...(own === undefined ? {} : { location: own }),
      });
      response.pipe(outgoing);
      response.on("end", resolve);
      response.on("error", reject);
    });
    onward.on("error", reject);
    incoming.on("error", reject);
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
}

/** @param {Outgoing} outgoing @param {number} status @param {string} code @param {string} message @param {Record<string, string>} [headers] */
function refuse(outgoing, status, code, message, headers = {}) {
  outgoing.writeHead(status, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify({ errors: [{ code, message }] }));
}
