// Images of random bytes in a registry: nothing of them compresses, and no two share a layer.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { buffer } from "node:stream/consumers";

/** @typedef {{ name: string, mode: number, bytes: Buffer }} LayerFile */

/**
 * Pushes an image that runs the program that only sleeps.
 * @param {string} repository `host/path` of a registry that speaks plain HTTP
 * @param {{ layers: number, layerBytes: number }} size
 * @returns {Promise<{ ref: string, bytes: number, firstDiffId: string }>}
 */
export async function pushLargeImage(repository, { layers, layerBytes }) {
  const [host = "", ...path] = repository.split("/");
  const place = `http://${host}/v2/${path.join("/")}`;
  const binaries = JSON.parse(
    readFileSync(fileURLToPath(new URL("../provider/pause/binaries.json", import.meta.url)), "utf8"),
  );
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const pause = { name: "pause", mode: 0o755, bytes: Buffer.from(binaries[architecture], "base64") };
  const diffIds = [];
  const descriptors = [];
  for (let index = 0; index < layers; index += 1) {
    const data = { name: `data-${index}`, mode: 0o644, bytes: randomBytes(layerBytes) };
    const layer = await tarOf(index === 0 ? [data, pause] : [data]);
    diffIds.push(digestOf(layer));
    const type = "application/vnd.oci.image.layer.v1.tar+gzip";
    descriptors.push(await pushBlob(place, gzipSync(layer, { level: 1 }), type));
  }
  const config = { architecture, os: "linux", config: { Entrypoint: ["/pause"] } };
  const bytes = Buffer.from(JSON.stringify({ ...config, rootfs: { type: "layers", diff_ids: diffIds } }));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const described = await pushBlob(place, bytes, "application/vnd.oci.image.config.v1+json");
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers: descriptors }));
  const digest = digestOf(manifest);
  await send(`${place}/manifests/${digest}`, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: new Uint8Array(manifest),
  });
  const size = descriptors.reduce((sum, layer) => sum + layer.size, 0);
  return { ref: `${repository}@${digest}`, bytes: size, firstDiffId: diffIds[0] ?? "" };
}

/** @param {readonly LayerFile[]} files */
async function tarOf(files) {
  const tar = pack();
  const read = buffer(tar);
  for (const { name, mode, bytes } of files) tar.entry({ name, mode, mtime: new Date(0) }, bytes);
  tar.finalize();
  return await read;
}

/** @param {string} place @param {Buffer} bytes @param {string} mediaType */
async function pushBlob(place, bytes, mediaType) {
  const started = await send(`${place}/blobs/uploads/`, { method: "POST" });
  const url = new URL(started.headers.get("location") ?? "", place);
  url.searchParams.set("digest", digestOf(bytes));
  const headers = { "content-type": "application/octet-stream" };
  await send(url.href, { method: "PUT", headers, body: new Uint8Array(bytes) });
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** @param {string} url @param {RequestInit} init */
async function send(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** @param {Buffer} bytes */
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
