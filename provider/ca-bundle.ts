import { readFileSync } from "node:fs";
import { describeError, SlipwayError } from "../sdk/error";
import { localPath, type SecretValue } from "./secret-store";

const CA_FILE = "/run/slipway/ca.pem";
const APT_FILE = "/run/slipway/apt.conf";

/** Where programs look for the CAs that they trust: OpenSSL, Go, Ruby and uv; Python's requests; pip; curl; git; Node; cargo; AWS. */
const variables = [
  "SSL_CERT_FILE",
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "NODE_EXTRA_CA_CERTS",
  "CARGO_HTTP_CAINFO",
  "AWS_CA_BUNDLE",
];

/** Beside a RUN's own mounts: the bundle, and variables that name it. Variables of the Dockerfile would be in the image. */
export const caMounts: readonly string[] = [
  `type=secret,id=slipway-ca,target=${CA_FILE},mode=0444,required=true`,
  ...variables.map((name) => `type=secret,id=slipway-ca-path,env=${name},required=true`),
  `type=secret,id=slipway-ca-apt,target=${APT_FILE},mode=0444,required=true`,
  "type=secret,id=slipway-ca-apt-path,env=APT_CONFIG,required=true",
];

/**
 * What {@link caMounts} mount.
 *
 * @param folder the program's folder, absolute.
 * @throws SlipwayError LOCAL_PATH
 */
export function readCaBundle(caBundle: string, folder: string): readonly SecretValue[] {
  const path = localPath(caBundle, { folder });
  const value = readBundle(caBundle, path);
  return [
    { id: "slipway-ca", value, path },
    { id: "slipway-ca-path", value: CA_FILE, path: undefined },
    { id: "slipway-ca-apt", value: `Acquire::https::CAInfo "${CA_FILE}";\n`, path: undefined },
    { id: "slipway-ca-apt-path", value: APT_FILE, path: undefined },
  ];
}

function readBundle(caBundle: string, path: string): string {
  const hint = "Give a file of certificates (PEM); its path is relative to the program's folder.";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const found = `it cannot be read: ${describeError(cause)}.`;
    throw new SlipwayError({ code: "LOCAL_PATH", text: `CA bundle ${caBundle}: ${found}`, hint, cause });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new SlipwayError({ code: "LOCAL_PATH", text: `CA bundle ${caBundle}: it has no certificate (${path}).`, hint });
}
