import { createHash } from "node:crypto";
import { chmodSync, lstatSync, realpathSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { tryCommand } from "./command.mjs";
import { startDaemon } from "./daemon.mjs";
import { isRoot, requireDebianCommand } from "./debian.mjs";
import { makeFolder } from "./folders.mjs";
import { buildGoTool } from "./go-tool.mjs";
import { writeWhole } from "./json-file.mjs";
import { unmountUnder } from "./mounts.mjs";
import { Problem } from "./problem.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 * @typedef {import("./daemon.mjs").DaemonRecord} DaemonRecord
 *
 * @typedef {object} BuildkitPlan
 * @property {string} folder for its record, log and settings
 * @property {string} root for its data; an empty one is an empty builder
 * @property {Readonly<Record<string, string>>} mirrors registry → where to look first, e.g. docker.io → localhost:5000
 * @property {string} socket path of its unix socket
 * @property {string | undefined} caBundle certificates that it trusts, instead of the system's
 * @property {string} executable
 * @property {string} settings text of its settings file
 * @property {string} fingerprint
 */

/**
 * Everything that a BuildKit of our own runs with, before anything is started.
 * @param {{ folder: string, root: string, mirrors: Readonly<Record<string, string>>, socket?: string | undefined,
 *   caBundle?: string | undefined, platforms?: readonly string[] | undefined, log: Log }} options
 * `platforms`: what it says that it runs; default what it finds out
 * @returns {Promise<BuildkitPlan>}
 */
export async function planBuildkit({
  folder,
  root: givenRoot,
  mirrors,
  socket = socketPath(folder),
  caBundle,
  platforms,
  log,
}) {
  requireLinuxRoot();
  const root = realpathSync(makeFolder(givenRoot)); // as the mount table will name it
  const runc = await requireDebianCommand("runc", { package: "runc", why: "BuildKit runs build steps with it", log });
  const { path: executable } = await buildGoTool("buildkitd", log);
  const settings = buildkitSettings({ root, socket, runc, mirrors, platforms });
  const fingerprint = createHash("sha256")
    .update([executable, caBundle ?? "", settings].join("\0"))
    .digest("hex");
  return { folder, root, mirrors, socket, caBundle, executable, settings, fingerprint };
}

/** Starts a BuildKit of our own. @param {BuildkitPlan} plan @returns {Promise<DaemonRecord>} */
export function runBuildkit({ folder, root, socket, caBundle, executable, settings, fingerprint }) {
  const settingsFile = join(makeFolder(folder), "buildkitd.toml");
  writeWhole(settingsFile, settings);
  chmodSync(makeFolder(dirname(socket)), 0o700);
  rmSync(socket, { force: true });
  return startDaemon({
    name: "buildkitd",
    folder,
    command: executable,
    args: ["--config", settingsFile],
    // Its short-lived mounts belong under its root, where whoever cleans up after a crash finds them.
    env: { TMPDIR: makeFolder(join(root, "tmp")), ...(caBundle === undefined ? {} : { SSL_CERT_FILE: caBundle }) },
    address: `unix://${socket}`,
    fingerprint,
    isReady: () => isListening(socket),
  });
}

/** Whether something listens on a unix socket. @param {string} socket @returns {Promise<boolean>} */
export function isListening(socket) {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on("connect", () => resolve(true));
    connection.on("error", () => resolve(false));
    connection.on("connect", () => connection.destroy());
  });
}

/**
 * Ends what a BuildKit that is gone left behind: containers of build steps, and mounts under its root.
 * A graceful end leaves neither; kill -9 leaves both.
 * @param {string} root
 */
export async function clearBuildkitLeftovers(root) {
  if (process.platform !== "linux" || !isRoot) return;
  for (const id of await containersUnder(root)) await tryCommand("runc", ["delete", "--force", id]);
  await unmountUnder(root);
}

/** @param {string} root @returns {Promise<string[]>} */
async function containersUnder(root) {
  const { code, stdout } = await tryCommand("runc", ["list", "--format", "json"]);
  if (code !== 0) return [];
  /** @type {unknown} */
  const containers = JSON.parse(stdout);
  if (!Array.isArray(containers)) return [];
  return containers.filter((one) => String(one.bundle).startsWith(`${root}/`)).map((one) => String(one.id));
}

/**
 * @param {{ root: string, socket: string, runc: string, mirrors: Readonly<Record<string, string>>,
 *   platforms: readonly string[] | undefined }} options
 */
function buildkitSettings({ root, socket, runc, mirrors, platforms }) {
  const text = JSON.stringify; // A JSON string is a TOML string.
  const registries = Object.entries(mirrors).flatMap(([registry, mirror]) => [
    `[registry.${text(registry)}]`,
    `  mirrors = [${text(mirror)}]`,
    ...(isLoopback(mirror) ? [`[registry.${text(mirror.split("/")[0])}]`, "  http = true"] : []),
  ]);
  return [
    `root = ${text(root)}`,
    "[grpc]",
    `  address = [${text(`unix://${socket}`)}]`,
    "[otel]",
    `  socketPath = ${text(join(dirname(socket), "otel.sock"))}`,
    "[worker.containerd]",
    "  enabled = false",
    "[worker.oci]",
    "  enabled = true",
    `  binary = ${text(runc)}`,
    '  snapshotter = "overlayfs"',
    // Build steps reach what the host reaches, the registry on its loopback interface too.
    '  networkMode = "host"',
    "  gc = true",
    ...(platforms === undefined ? [] : [`  platforms = ${text(platforms)}`]),
    "[[worker.oci.gcpolicy]]",
    "  all = true",
    '  maxUsedSpace = "20GB"',
    ...registries,
    "",
  ].join("\n");
}

/** Whether host:port is on this machine. @param {string} address */
export const isLoopback = (address) => /^(localhost|127\.0\.0\.1|\[::1\])(:|\/|$)/.test(address);

/** A unix socket's path has 107 bytes at most: a short one elsewhere when the folder is too deep. @param {string} folder */
export function socketPath(folder) {
  const beside = join(folder, "buildkitd.sock");
  if (Buffer.byteLength(beside) <= 100) return beside;
  const name = `slipway-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
  const short = makeFolder(join(process.env["XDG_RUNTIME_DIR"] || tmpdir(), name));
  const owner = lstatSync(short);
  if (!owner.isDirectory() || owner.uid !== process.getuid?.()) {
    throw new Problem({
      doing: `Choosing a folder for BuildKit's socket`,
      found: `${short} belongs to somebody else`,
      todo: "Set XDG_RUNTIME_DIR or TMPDIR to a folder of your own, or SLIPWAY_CACHE to a shorter path.",
    });
  }
  return join(short, "buildkitd.sock");
}

function requireLinuxRoot() {
  if (process.platform === "linux" && isRoot) return;
  throw new Problem({
    doing: "Starting a BuildKit of our own",
    found: process.platform === "linux" ? "it needs root" : `it does not run on ${process.platform}`,
    todo: "Start a Docker engine (`docker version` must answer), or set SLIPWAY_BUILDER to a buildx builder of yours.",
  });
}
