// Where docker.io cannot be reached, python:3.11-slim-bookworm is made from Debian's own packages:
// enough to try everything out, and never to be taken for the real image.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAptMirror } from "./apt-mirror.mjs";
import { runBuildx } from "./buildx.mjs";
import { runCommand } from "./command.mjs";
import { isRoot, requireDebianCommand } from "./debian.mjs";
import { withElapsed } from "./elapsed.mjs";
import { cacheFolder, localFolder, makeFolder } from "./folders.mjs";
import { isRecord, readJson, writeJson } from "./json-file.mjs";
import { unmountUnder } from "./mounts.mjs";
import { readDigest } from "./oci.mjs";
import { Problem } from "./problem.mjs";
import { identify } from "./process-identity.mjs";
import { knock, remember } from "./remembered.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

export const standInName = "python:3.11-slim-bookworm";
/** Counts the changes of what finishRoot does. */
const recipeVersion = 2;
const packages = ["python3-minimal", "python3-pip", "ca-certificates"];
const hostBundle = "/etc/ssl/certs/ca-certificates.crt";

/** Whether the real base images can be had. @returns {Promise<boolean>} */
export function isDockerHubReachable() {
  return remember("docker.io", async () => {
    const answer = await knock("https://registry-1.docker.io/v2/");
    return answer?.headers["docker-distribution-api-version"] !== undefined;
  });
}

/**
 * The root file system of the stand-in as a tar, from the cache when it was made before.
 * @param {Log} log
 * @returns {Promise<string>}
 */
export async function makeStandInRoot(log) {
  const tar = join(makeFolder(join(cacheFolder(), "base")), `${recipe()}.tar`);
  if (existsSync(tar)) return tar;
  const mirror = findAptMirror("bookworm");
  if (!isRoot || !mirror) {
    throw new Problem({
      doing: `Making a stand-in for ${standInName}, since docker.io cannot be reached`,
      found: isRoot ? "apt on this machine has no source for Debian bookworm" : "it needs root (debootstrap)",
      todo: "Make docker.io reachable, or run this as root on Debian 12.",
    });
  }
  const debootstrap = await requireDebianCommand("debootstrap", {
    package: "debootstrap",
    why: "it makes the stand-in base image",
    log,
  });
  const base = join(realpathSync(cacheFolder()), "base");
  await clearAbandoned(base);
  // A place of its own: the debootstrap of an attempt that was killed may go on for a while.
  const folder = join(base, `making-${process.pid}`);
  try {
    const { seconds } = await withElapsed(log, `making a stand-in for ${standInName} from Debian's packages`, () =>
      makeRootTar({ debootstrap, mirror, folder, tar }),
    );
    log(`stand-in  the root of ${standInName} made from Debian's packages in ${seconds} s`);
    return tar;
  } finally {
    await clear(folder);
  }
}

/** @param {{ debootstrap: string, mirror: string, folder: string, tar: string }} options */
async function makeRootTar({ debootstrap, mirror, folder, tar }) {
  const root = makeFolder(join(folder, "root"));
  const include = `--include=${packages.join(",")}`;
  await runCommand(debootstrap, ["--variant=minbase", include, "bookworm", root, mirror]);
  finishRoot(root);
  const whole = join(folder, "root.tar");
  const normalized = ["--sort=name", "--mtime=@0", "--numeric-owner"];
  await runCommand("tar", ["--create", "--file", whole, "--directory", root, ...normalized, "."]);
  renameSync(whole, tar);
}

/**
 * Pushes the stand-in to a registry, unless it, or an image that is not ours, is there already.
 * @param {{ registry: string, endpoint: string, tar: string, log: Log }} options
 */
export async function publishStandIn({ registry, endpoint, tar, log }) {
  const repository = `library/${standInName.split(":")[0]}`;
  const tag = standInName.split(":")[1] ?? "latest";
  const recordFile = join(localFolder(), "stand-in.json");
  const record = readJson(recordFile);
  const present = await readDigest(registry, repository, tag);
  const isOurs = isRecord(record) && record["digest"] === present;
  if (present && (!isOurs || record["recipe"] === recipe())) return;

  const context = mkdtempSync(join(tmpdir(), "slipway-base-"));
  try {
    writeFileSync(join(context, "Dockerfile"), dockerfile());
    shareFile(tar, join(context, "root.tar"));
    const output = `type=image,name=${registry}/${repository}:${tag},push=true,oci-mediatypes=true,rewrite-timestamp=true`;
    const args = ["--output", output, "--provenance=false", "--build-arg", "SOURCE_DATE_EPOCH=0", context];
    const { seconds } = await withElapsed(log, `pushing the stand-in for ${standInName}`, () =>
      runBuildx({ builder: endpoint, args }),
    );
    writeJson(recordFile, { digest: await readDigest(registry, repository, tag), recipe: recipe() });
    log(`stand-in  ${standInName} pushed to ${registry} in ${seconds} s`);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Names everything that makes another stand-in. */
function recipe() {
  const bundle = existsSync(hostBundle) ? readFileSync(hostBundle) : "";
  const hash = createHash("sha256")
    .update(JSON.stringify([recipeVersion, packages, dockerfile()]))
    .update(bundle);
  return `python-3.11-slim-bookworm-${process.arch}-${hash.digest("hex").slice(0, 12)}`;
}

/** Makes Debian's Python look like the image's. @param {string} root */
function finishRoot(root) {
  const bin = join(root, "usr", "local", "bin");
  for (const [name, target] of [
    ["python", "python3"],
    ["python3", "python3"],
    ["python3.11", "python3.11"],
    ["pip", "pip3"],
    ["pip3", "pip3"],
  ]) {
    symlinkSync(`/usr/bin/${target}`, join(bin, String(name)));
  }
  rmSync(join(root, "usr", "lib", "python3.11", "EXTERNALLY-MANAGED"), { force: true }); // pip refuses to install beside it
  // Behind a proxy that inspects TLS, only the host's bundle knows the proxy's certificate.
  if (existsSync(hostBundle)) copyFileSync(hostBundle, join(root, hostBundle));
  const needless = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "dev",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
  ];
  for (const path of [...needless, "etc/resolv.conf", "etc/hostname", "etc/machine-id"]) {
    rmSync(join(root, path), { recursive: true, force: true });
  }
  for (const path of [
    "dev",
    "usr/share/man/man1",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/log",
  ]) {
    makeFolder(join(root, path));
  }
}

function dockerfile() {
  return [
    "FROM scratch",
    "ADD root.tar /",
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8",
    `ENV PIP_CERT=${hostBundle} SSL_CERT_FILE=${hostBundle} REQUESTS_CA_BUNDLE=${hostBundle}`,
    'LABEL slipway.stand-in="made from Debian packages, not the image of this name"',
    'CMD ["python3"]',
    "",
  ].join("\n");
}

/** What attempts left that were killed, mounts of debootstrap included. @param {string} base */
async function clearAbandoned(base) {
  for (const name of readdirSync(base)) {
    const maker = /^making-(\d+)$/.exec(name)?.[1];
    if (maker === undefined || identify(Number(maker))) continue;
    await clear(join(base, name)).catch(() => {}); // Its debootstrap still writes: the next attempt clears it.
  }
}

/** @param {string} folder */
async function clear(folder) {
  await unmountUnder(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} from @param {string} to */
function shareFile(from, to) {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
