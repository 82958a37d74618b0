import { createHash } from "node:crypto";

/**
 * @typedef {{ name: string, mode: number, bytes: Buffer }} ArchivedFile
 */

/**
 * An image of one layer as an OCI layout in a tar, for `ctr images import`.
 * @param {{ name: string, files: readonly ArchivedFile[], entrypoint: readonly string[] }} options
 * @returns {Buffer}
 */
export function imageArchive({ name, files, entrypoint }) {
  const layer = tar(files);
  const config = json({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Entrypoint: entrypoint },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  });
  const oci = "application/vnd.oci.image";
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: { mediaType: `${oci}.config.v1+json`, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: `${oci}.layer.v1.tar`, digest: digestOf(layer), size: layer.length }],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: `${oci}.manifest.v1+json`,
        digest: digestOf(manifest),
        size: manifest.length,
        annotations: { "io.containerd.image.name": name },
      },
    ],
  });
  const blobs = [layer, config, manifest].map((bytes) => ({
    name: `blobs/sha256/${digestOf(bytes).slice("sha256:".length)}`,
    mode: 0o644,
    bytes,
  }));
  const layout = { name: "oci-layout", mode: 0o644, bytes: json({ imageLayoutVersion: "1.0.0" }) };
  return tar([layout, { name: "index.json", mode: 0o644, bytes: index }, ...blobs]);
}

/** @param {unknown} value */
const json = (value) => Buffer.from(JSON.stringify(value));

/** @param {Buffer} bytes */
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A tar of plain files with short names. @param {readonly ArchivedFile[]} files @returns {Buffer} */
function tar(files) {
  const parts = files.flatMap(({ name, mode, bytes }) => {
    const header = Buffer.alloc(512);
    /** @param {number} value @param {number} length */
    const octal = (value, length) => `${value.toString(8).padStart(length - 1, "0")}\0`;
    header.write(name, 0);
    header.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(0, 12), 100);
    header.write("        0", 148); // the checksum counts itself as blanks; then: a plain file
    header.write("ustar\u000000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
