// Plain requests to a Kubernetes API server, with the identity that a kubeconfig of ours names.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { isRecord } from "../local/json-file.mjs";

/**
 * @typedef {object} KubeAnswer
 * @property {number} status
 * @property {Record<string, any>} body empty where the answer is no JSON object
 * @property {string} text
 *
 * @typedef {(method: string, path: string, options?: { body?: unknown, type?: string }) => Promise<KubeAnswer>} KubeRequest
 */

/**
 * A function that asks the API server which a kubeconfig of ours (JSON, certificates inside) leads to.
 * @param {string} kubeconfig the file
 * @returns {KubeRequest}
 */
export function kubeRequests(kubeconfig) {
  const config = JSON.parse(readFileSync(kubeconfig, "utf8"));
  const { server, "certificate-authority-data": ca } = config.clusters[0].cluster;
  const { "client-certificate-data": cert, "client-key-data": key } = config.users[0].user;
  const agent = new Agent({ ca: decode(ca), cert: decode(cert), key: decode(key), keepAlive: false });
  return (method, path, options = {}) => send({ agent, url: `${server}${path}`, method, ...options });
}

/** @param {string} base64 */
const decode = (base64) => Buffer.from(base64, "base64");

/**
 * @param {{ agent: Agent, url: string, method: string, body?: unknown, type?: string }} options
 * @returns {Promise<KubeAnswer>}
 */
function send({ agent, url, method, body, type = "application/json" }) {
  return new Promise((resolve, reject) => {
    const headers = { accept: "application/json", ...(body === undefined ? {} : { "content-type": type }) };
    const sent = request(url, { agent, method, headers, timeout: 5_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parse(text), text }));
    });
    sent.on("timeout", () => sent.destroy(new Error(`${method} ${url}: no answer within 5 s`)));
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** @param {string} text @returns {Record<string, any>} */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {}; // /readyz and the like answer in words
  }
}
