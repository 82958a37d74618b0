import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack, type Pack } from "tar-stream";
import type { TreeEntry } from "../sdk/tree";
import { writeEntry, writePart, type ContextPart } from "./context";
import copiers from "./copier/binaries.json";
import { digestOf } from "./manifest";
import type { MountFiles } from "./mount-tree";
import type { Manifest, StreamedBlob } from "./registry";

const OCI = "application/vnd.oci.image";
/** Mounts in one layer, where there are more than layers should be. */
const MOST_LAYERS = 32;
/** What brings the files where a cluster cannot mount them: `copy <folder> <list>…`, with a list for each point. */
export const COPIER = "/.slipway/copy";

/** An image that holds what an image's containers mount, the files of point n below `/n`. */
export interface MountImage {
  readonly index: Manifest;
  readonly manifests: readonly Manifest[];
  readonly blobs: readonly StreamedBlob[];
  readonly sizeBytes: number;
}

/**
 * Makes the image. Its layers are one for each mount, the same for every architecture, and one of ours; nothing is
 * compressed, so that no version of a compressor is in the digest.
 *
 * @param folder an empty one, for the layers until they are pushed
 * @throws SlipwayError CONTEXT_CHANGED
 */
export async function makeMountImage(files: MountFiles, folder: string): Promise<MountImage> {
  const each = Math.ceil(files.parts.length / MOST_LAYERS);
  const layers: StreamedBlob[] = [];
  for (let start = 0; start < files.parts.length; start += each) {
    const parts = files.parts.slice(start, start + each);
    layers.push(await writeLayer(join(folder, String(start)), (tar) => writeParts(tar, parts)));
  }
  const images = [];
  for (const [architecture, copier] of Object.entries(copiers)) {
    const own = await writeLayer(join(folder, architecture), (tar) => writeCopier(tar, copier, files.points));
    images.push(describeImage(architecture, [...layers, own]));
  }
  const mediaType = `${OCI}.index.v1+json`;
  const manifests = images.map(({ architecture, manifest }) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { architecture, os: "linux" },
  }));
  return {
    index: toManifest(mediaType, { schemaVersion: 2, mediaType, manifests }),
    manifests: images.map(({ manifest }) => manifest),
    blobs: [...layers, ...images.flatMap(({ blobs }) => blobs)],
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function writeParts(tar: Pack, parts: readonly ContextPart[]): Promise<void> {
  const folders = new Set(
    parts.flatMap(({ folder }) => {
      const names = folder.split("/");
      return names.map((_, index) => names.slice(0, index + 1).join("/"));
    }),
  );
  for (const name of [...folders].sort()) await writeEntry(tar, { name, type: "directory", mode: 0o755 });
  for (const part of parts) await writePart(tar, part);
}

async function writeCopier(tar: Pack, copier: string, points: MountFiles["points"]): Promise<void> {
  await writeEntry(tar, { name: ".slipway", type: "directory", mode: 0o755 });
  await writeEntry(tar, { name: COPIER.slice(1), mode: 0o755 }, Buffer.from(copier, "base64"));
  for (const [index, entries] of points.entries()) {
    await writeEntry(tar, { name: `.slipway/${index}`, mode: 0o644 }, Buffer.from(entries.map(listed).join("")));
  }
}

/** An entry as the copier reads it (copier/amd64.s). */
function listed(entry: TreeEntry): string {
  switch (entry.type) {
    case "dir":
      return `d${entry.path}\0`;
    case "link":
      return `l${entry.path}\0${entry.target}\0`;
    case "file":
      return `${entry.executable ? "x" : "f"}${entry.path}\0`;
  }
}

async function writeLayer(path: string, write: (tar: Pack) => Promise<void>): Promise<StreamedBlob> {
  const tar = pack();
  const written = write(tar).then(
    () => {
      tar.finalize();
      return undefined;
    },
    (cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      tar.destroy(error);
      return error;
    },
  );
  const digest = createHash("sha256");
  let sizeBytes = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of tar) {
      if (!Buffer.isBuffer(chunk)) throw new Error("a tar is bytes");
      digest.update(chunk);
      sizeBytes += chunk.length;
      await file.writeFile(chunk);
    }
  } catch (error) {
    throw (await written) ?? error;
  } finally {
    await file.close();
  }
  const openFile = () => Promise.resolve(Readable.toWeb(createReadStream(path)));
  return { digest: `sha256:${digest.digest("hex")}`, sizeBytes, open: openFile };
}

function describeImage(architecture: string, layers: readonly StreamedBlob[]) {
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      config: { Entrypoint: [COPIER] },
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = toManifest(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(config), size: config.length },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: `${OCI}.layer.v1.tar`, digest, size: sizeBytes })),
  });
  const openConfig = () => Promise.resolve(new Blob([new Uint8Array(config)]).stream());
  const own: StreamedBlob = { digest: digestOf(config), sizeBytes: config.length, open: openConfig };
  return { architecture, manifest, blobs: [...layers.slice(-1), own] };
}

function toManifest(mediaType: string, content: object): Manifest {
  const bytes = Buffer.from(JSON.stringify(content));
  return { digest: digestOf(bytes), mediaType, bytes };
}
