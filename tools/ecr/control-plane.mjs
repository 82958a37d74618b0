// In front of moto: writes down what ECR is asked, mints tokens that expire, refuses what real ECR refuses.
import { randomBytes } from "node:crypto";
import { listen, readBody } from "./http.mjs";

/**
 * @typedef {import("./moto-client.mjs").Place} Place
 *
 * @typedef {object} Fault
 * @property {number} status
 * @property {string} type the exception's name
 * @property {string} [message]
 *
 * @typedef {object} Tokens what GetAuthorizationToken answers with, and what the data plane lets in
 * @property {number} lifeSeconds
 * @property {Map<string, number>} expiry token → when it ends, in milliseconds
 *
 * @typedef {object} ControlPlane
 * @property {string} moto its origin
 * @property {string[]} calls for example `BatchGetImage eu-west-1`
 * @property {Tokens} tokens
 * @property {(call: string, input: any) => Fault | undefined} onCall may refuse a call
 * @property {(place: Place, repository: string, manifest: string) => Promise<string | undefined>} findMissingLayer
 */

const MOTO_ACCOUNT = "123456789012";

/** @param {ControlPlane} plane */
export function startControlPlane(plane) {
  return listen(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    const target = String(incoming.headers["x-amz-target"] ?? "");
    const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(incoming.headers.authorization ?? "")?.[1] ?? "";
    const operation = target.startsWith("AmazonEC2ContainerRegistry") ? (target.split(".")[1] ?? "") : "";
    const input = operation === "" ? {} : JSON.parse(body.toString("utf8") || "{}");
    const call = `${operation === "" ? "other service" : operation} ${region}`;
    plane.calls.push(call);
    const fault =
      plane.onCall(call, input) ?? (operation === "PutImage" ? await checkLayers(plane, region, input) : undefined);
    if (fault !== undefined) {
      const { status, type, message = type } = fault;
      outgoing.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-errortype": type });
      outgoing.end(JSON.stringify({ __type: type, message }));
      return;
    }
    /** @type {Record<string, string>} */
    const headers = {};
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (typeof value === "string" && !["host", "connection", "content-length", "expect"].includes(name))
        headers[name] = value;
    }
    // moto looks into the caller's own account only; a repository's policy may open it to others.
    if (typeof input.registryId === "string") headers["x-moto-account-id"] = input.registryId;
    const response = await fetch(`${plane.moto}${incoming.url ?? "/"}`, {
      method: incoming.method ?? "POST",
      headers,
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    let text = await response.text();
    if (operation === "GetAuthorizationToken" && response.ok) text = mintTokens(plane.tokens, text);
    outgoing.writeHead(response.status, { "content-type": response.headers.get("content-type") ?? "" }).end(text);
  });
}

/** @param {ControlPlane} plane @param {string} region @param {any} input @returns {Promise<Fault | undefined>} */
async function checkLayers(plane, region, input) {
  const place = { account: input.registryId ?? MOTO_ACCOUNT, region };
  const missing = await plane.findMissingLayer(place, input.repositoryName, input.imageManifest);
  if (missing === undefined) return undefined;
  return { status: 400, type: "LayersNotFoundException", message: `The layer ${missing} does not exist` };
}

/** @param {Tokens} tokens @param {string} text @returns {string} */
function mintTokens(tokens, text) {
  const answer = JSON.parse(text);
  for (const data of answer.authorizationData) {
    const token = `token-${randomBytes(12).toString("hex")}`;
    const end = Date.now() + tokens.lifeSeconds * 1_000;
    tokens.expiry.set(token, end);
    data.authorizationToken = Buffer.from(`AWS:${token}`).toString("base64");
    data.expiresAt = end / 1_000;
  }
  return JSON.stringify(answer);
}
