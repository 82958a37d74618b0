import { gzipSync } from "node:zlib";
import { digestOf } from "../../provider/manifest";
import type { Manifest, RepositoryAddress } from "../../provider/registry";
import { formatReference, parseRepository } from "../../sdk/reference";
import { newRepository, registry } from "./real-parts";

const OCI = "application/vnd.oci.image";

/** Pushes a base for some architectures, with next to nothing in it, and returns its reference by digest. */
export async function pushBase(architectures: readonly string[]): Promise<string> {
  const repository = parseRepository(newRepository());
  const manifests = [];
  for (const architecture of architectures) {
    const manifest = await pushPart(repository, architecture);
    const { digest, mediaType, bytes } = manifest;
    manifests.push({ mediaType, digest, size: bytes.length, platform: { architecture, os: "linux" } });
  }
  const index = toManifest(`${OCI}.index.v1+json`, { manifests });
  await registry.putManifest(repository, index.digest, index);
  return formatReference({ ...repository, digest: index.digest });
}

async function pushPart(repository: RepositoryAddress, architecture: string): Promise<Manifest> {
  const layer = Buffer.alloc(1024); // A tar that holds nothing.
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  const config = Buffer.from(JSON.stringify({ architecture, os: "linux", config: { Env: ["PATH=/bin"] }, rootfs }));
  const push = async (mediaType: string, bytes: Buffer) => {
    await registry.putBlob(repository, digestOf(bytes), bytes);
    return { mediaType: `${OCI}.${mediaType}`, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = toManifest(`${OCI}.manifest.v1+json`, {
    config: await push("config.v1+json", config),
    layers: [await push("layer.v1.tar+gzip", gzipSync(layer))],
  });
  await registry.putManifest(repository, manifest.digest, manifest);
  return manifest;
}

function toManifest(mediaType: string, content: object): Manifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { digest: digestOf(bytes), mediaType, bytes };
}
