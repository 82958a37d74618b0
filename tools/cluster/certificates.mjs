// The certificates of a cluster: who may do what is in their subjects.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../local/command.mjs";
import { makeFolder } from "../local/folders.mjs";
import { writeWhole } from "../local/json-file.mjs";

/**
 * @typedef {object} Identity
 * @property {string} name of its files
 * @property {string} subject
 * @property {readonly string[]} [hosts] of a server: `IP:…` and `DNS:…`; without them it is a client
 */

/**
 * Makes the authority, the key of service accounts and one certificate for each identity; what is there stays.
 * @param {string} folder
 * @param {readonly Identity[]} identities
 */
export async function makeCertificates(folder, identities) {
  makeFolder(folder);
  await makeAuthority(folder);
  if (!existsSync(join(folder, "sa.key"))) {
    await openssl(folder, ["genrsa", "-out", "sa.key.partial", "2048"]);
    renameSync(join(folder, "sa.key.partial"), join(folder, "sa.key"));
  }
  for (const identity of identities) await makeCertificate(folder, identity);
}

/**
 * Writes the settings by which a client reaches the cluster under one identity.
 * @param {{ file: string, certificates: string, identity: string, server: string }} options
 */
export function writeKubeconfig({ file, certificates, identity, server }) {
  /** @param {string} name */
  const data = (name) => readFileSync(join(certificates, name)).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "slipway", cluster: { server, "certificate-authority-data": data("ca.crt") } }],
    users: [
      {
        name: identity,
        user: {
          "client-certificate-data": data(`${identity}.crt`),
          "client-key-data": data(`${identity}.key`),
        },
      },
    ],
    contexts: [{ name: "slipway", context: { cluster: "slipway", user: identity } }],
    "current-context": "slipway",
  };
  writeWhole(file, `${JSON.stringify(config, null, 2)}\n`, 0o600); // JSON is YAML
}

const tenYears = ["-days", "3650"];
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** @param {string} folder */
async function makeAuthority(folder) {
  if (existsSync(join(folder, "ca.crt"))) return;
  const out = ["-keyout", "ca.key", "-out", "ca.crt.partial"];
  await openssl(folder, ["req", "-x509", ...newKey, ...tenYears, "-subj", "/CN=slipway-local", ...out]);
  renameSync(join(folder, "ca.crt.partial"), join(folder, "ca.crt"));
}

/** @param {string} folder @param {Identity} identity */
async function makeCertificate(folder, { name, subject, hosts }) {
  if (existsSync(join(folder, `${name}.crt`))) return;
  await openssl(folder, ["req", ...newKey, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`]);
  const uses = hosts
    ? ["extendedKeyUsage=serverAuth", `subjectAltName=${hosts.join(",")}`]
    : ["extendedKeyUsage=clientAuth"];
  const extensions = join(folder, `${name}.ext`);
  writeFileSync(extensions, ["keyUsage=digitalSignature", ...uses, ""].join("\n"));
  const serial = `0x${randomBytes(8).toString("hex")}`; // not from a file: two nodes may be made at once
  const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", serial];
  const signed = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt.partial`];
  await openssl(folder, ["x509", "-req", ...authority, ...tenYears, ...signed]);
  renameSync(join(folder, `${name}.crt.partial`), join(folder, `${name}.crt`));
  for (const rest of [`${name}.csr`, `${name}.ext`]) rmSync(join(folder, rest), { force: true });
}

/** @param {string} folder @param {readonly string[]} args */
async function openssl(folder, args) {
  await runCommand("openssl", args, { cwd: folder });
}
