import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/**
 * Pushes an image with next to nothing in it, and returns its digest.
 *
 * @param blocks makes its layer one that no base of another number has
 */
export async function pushTinyBase(registry: string, repository: string, blocks = 0): Promise<string> {
  const layer = Buffer.alloc(1024 + 512 * blocks); // A tar that holds nothing.
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
    }),
  );
  const place = `http://${registry}/v2/${repository}`;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: await pushBlob(place, config, "application/vnd.oci.image.config.v1+json"),
      layers: [await pushBlob(place, gzipSync(layer), "application/vnd.oci.image.layer.v1.tar+gzip")],
    }),
  );
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  await send(`${place}/manifests/1`, { method: "PUT", headers, body: manifest });
  return digestOf(manifest);
}

async function pushBlob(place: string, bytes: Buffer, mediaType: string) {
  const started = await send(`${place}/blobs/uploads/`, { method: "POST" });
  const url = new URL(started.headers.get("location") ?? "", place);
  url.searchParams.set("digest", digestOf(bytes));
  await send(url.href, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes });
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
