import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cloneFolder } from "../local/folders.mjs";

/** What holds a pod's namespaces, imported into each node: no registry is asked for it. */
export const sandboxImage = "localhost/slipway-pause:1";

/**
 * Writes the sandbox image as an OCI layout in a tar file, and returns its path.
 * @param {string} folder
 * @returns {string}
 */
export function makeSandboxImage(folder) {
  const path = join(folder, "sandbox.tar");
  if (existsSync(path)) return path;
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const binaries = JSON.parse(readFileSync(join(cloneFolder, "provider", "pause", "binaries.json"), "utf8"));
  const layer = tar([{ name: "pause", mode: 0o755, bytes: Buffer.from(binaries[architecture], "base64") }]);
  const config = json({
    architecture,
    os: "linux",
    config: { Entrypoint: ["/pause"] },
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
        annotations: { "io.containerd.image.name": sandboxImage },
      },
    ],
  });
  const blobs = [layer, config, manifest].map((bytes) => ({
    name: `blobs/sha256/${digestOf(bytes).slice("sha256:".length)}`,
    mode: 0o644,
    bytes,
  }));
  const layout = { name: "oci-layout", mode: 0o644, bytes: json({ imageLayoutVersion: "1.0.0" }) };
  const partial = `${path}.partial`;
  writeFileSync(partial, tar([layout, { name: "index.json", mode: 0o644, bytes: index }, ...blobs]));
  renameSync(partial, path);
  return path;
}

/** @param {unknown} value */
const json = (value) => Buffer.from(JSON.stringify(value));

/** @param {Buffer} bytes */
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A tar of plain files with short names. @param {readonly { name: string, mode: number, bytes: Buffer }[]} files @returns {Buffer} */
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
