import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { describeError, SlipwayError } from "../sdk/error";
import { nodeToPrefer, parseNodes, type BuilderNodes } from "./builder-nodes";
import { makePrivateDocker } from "./credential-helper";
import type { BuilderChoice } from "./builder-choice";
import type { FindCredentials } from "./credentials";
import { makeKeyFiles } from "./key-files";
import { driverOptions, kubernetesNodes, tlsOptions } from "./driver-options";
import { explainDisk, type Leftovers } from "./leftovers";
import type { SecretPlaces } from "./secret-store";

const run = promisify(execFile);

const CONNECT_TIMEOUT_MS = 4_000;
/** A builder that sleeps is woken, and may have to be pulled or scheduled first. */
const INSPECT_TIMEOUT_MS = 150_000;
/** What to do about a builder that does not answer. */
export const BUILDER_HINT = "Start it, or choose another one (SLIPWAY_BUILDER, or the builder argument).";

/** How buildx is run for a choice. */
export interface Buildx {
  readonly command: string;
  /** What comes before `build`. */
  readonly prefix: readonly string[];
  readonly builderArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface BuildxOptions {
  /** Asked instead of the user's Docker configuration. */
  readonly findCredentials?: FindCredentials | undefined;
  /** Where the keys of a builder are. Default: this process's folder and environment. */
  readonly places?: SecretPlaces | undefined;
}

/**
 * Finds buildx and makes the chosen builder known to it.
 *
 * @throws SlipwayError BUILDER_UNAVAILABLE, SECRET_MISSING
 */
export async function prepareBuildx(
  choice: BuilderChoice,
  leftovers: Leftovers,
  env: NodeJS.ProcessEnv,
  { findCredentials, places = placesOf(env) }: BuildxOptions = {},
): Promise<Buildx> {
  const found = await findBuildx(env);
  const docker =
    findCredentials === undefined ? {} : await makePrivateDocker(leftovers.makeFolder("docker"), findCredentials, env);
  // The first would override the logins of the Docker configuration, the second put labels into images.
  const { DOCKER_AUTH_CONFIG: _, BUILDX_GIT_LABELS: __, ...clean } = env;
  const base = { ...clean, ...docker, BUILDX_NO_DEFAULT_ATTESTATIONS: "1", BUILDKIT_COLORS: "", NO_COLOR: "1" };
  switch (choice.kind) {
    case "current":
      return { ...found, builderArgs: [], env: base };
    case "name":
      return { ...found, builderArgs: ["--builder", choice.name], env: base };
    case "endpoint": {
      await checkListening(choice.endpoint);
      const own = { ...base, BUILDX_CONFIG: leftovers.makeFolder("buildx") };
      const options = choice.tls === undefined ? [] : tlsOptions(choice.tls, makeKeyFiles(leftovers, places));
      const create = [...["--driver", "remote"], ...driverOptions(options), choice.endpoint];
      return register({ ...found, builderArgs: [], env: own }, `builder ${choice.endpoint}`, [create]);
    }
    case "kubernetes": {
      const { kubeconfig, name } = choice.kubernetes;
      const files = makeKeyFiles(leftovers, places);
      const access = kubeconfig === undefined ? {} : { KUBECONFIG: files("kubeconfig", kubeconfig) };
      const own = { ...base, ...access, BUILDX_CONFIG: leftovers.makeFolder("buildx") };
      const create = kubernetesNodes(choice.kubernetes);
      return register({ ...found, builderArgs: [], env: own }, `builder ${name} in Kubernetes`, create);
    }
  }
}

/** Where the settings of somebody who gives no places are. */
function placesOf(env: NodeJS.ProcessEnv): SecretPlaces {
  const hintConfig = () => "Only a Pulumi program has config keys.";
  return { folder: process.cwd(), env, readConfig: () => undefined, hintConfig };
}

/** The nodes of a builder, all of them woken; `undefined` where it does not tell. */
export async function inspectBuilder({ command, prefix, builderArgs, env }: Buildx): Promise<BuilderNodes | undefined> {
  try {
    const args = [...prefix, "inspect", "--bootstrap", ...builderArgs];
    return parseNodes((await run(command, args, { env, timeout: INSPECT_TIMEOUT_MS })).stdout);
  } catch {
    return undefined; // The build will say why.
  }
}

/**
 * Has a platform built by the node that runs it natively, where buildx would take another one. It has no flag for that:
 * the platform is given to that node, in a copy of what buildx knows of the builder.
 */
export async function preferNode(
  buildx: Buildx,
  builder: BuilderNodes,
  platform: string,
  leftovers: Leftovers,
): Promise<Buildx> {
  const node = nodeToPrefer(builder, platform);
  if (node === undefined || !["remote", "docker-container"].includes(builder.driver)) return buildx;
  const { env } = buildx;
  const from = env["BUILDX_CONFIG"] || join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "buildx");
  const folder = leftovers.makeFolder("buildx");
  const own = { ...env, BUILDX_CONFIG: folder };
  const args = ["--name", builder.name, "--driver", builder.driver, "--node", node.name, node.endpoint];
  try {
    mkdirSync(join(folder, "instances"), { mode: 0o700 });
    copyFileSync(join(from, "instances", builder.name), join(folder, "instances", builder.name));
    const create = [...buildx.prefix, "create", "--append", "--platform", node.own.join(","), ...args];
    await run(buildx.command, create, { env: own, timeout: 30_000 });
  } catch {
    return buildx; // Any node that can do it will do.
  }
  return { ...buildx, builderArgs: ["--builder", builder.name], env: own };
}

async function findBuildx(env: NodeJS.ProcessEnv): Promise<{ command: string; prefix: readonly string[] }> {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const names = process.platform === "win32" ? ["buildx.exe"] : ["buildx"];
  const own = folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (own !== undefined) return { command: own, prefix: [] };
  try {
    await run("docker", ["buildx", "version"], { env, timeout: 15_000 });
    return { command: "docker", prefix: ["buildx"] };
  } catch (cause) {
    throw new SlipwayError({
      code: "BUILDER_UNAVAILABLE",
      text: "building needs buildx, and neither `buildx` is on PATH nor does `docker buildx` answer.",
      hint: 'Install Docker with buildx, or in a clone of Slipway run npm run quickstart and eval "$(npm run -s env)".',
      cause,
    });
  }
}

/** buildx waits 20 s for a builder that is not there, and then says no more than that time is up. */
async function checkListening(endpoint: string): Promise<void> {
  if (!URL.canParse(endpoint)) return;
  const { protocol, pathname, hostname, port } = new URL(endpoint);
  if (!(protocol === "unix:" && pathname !== "") && !(protocol === "tcp:" && port !== "")) return;
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = protocol === "unix:" ? connect(decodeURIComponent(pathname)) : connect(Number(port), host);
  const timeout = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    await once(socket, "connect", { signal: timeout });
  } catch (cause) {
    if (timeout.aborted) return; // Slow is not dead.
    throw new SlipwayError({
      code: "BUILDER_UNAVAILABLE",
      text: `builder ${endpoint}: it does not answer: ${describeError(cause)}.`,
      hint: BUILDER_HINT,
      cause,
    });
  } finally {
    socket.destroy();
  }
}

/** buildx takes no address as such: it is registered as a builder, node by node, in a folder of our own. */
async function register(buildx: Buildx, what: string, nodes: readonly (readonly string[])[]): Promise<Buildx> {
  try {
    for (const [index, node] of nodes.entries()) {
      const args = ["create", "--name", "slipway", ...(index === 0 ? [] : ["--append"]), ...node];
      await run(buildx.command, [...buildx.prefix, ...args], { env: buildx.env, timeout: 30_000 });
    }
  } catch (cause) {
    const full = explainDisk(cause);
    if (full !== undefined) throw full;
    throw new SlipwayError({
      code: "BUILDER_UNAVAILABLE",
      text: `${what}: buildx cannot use it: ${describeError(cause)}.`,
      hint: "Give the address of a BuildKit, for example unix:///run/buildkit/buildkitd.sock or tcp://host:1234; for Kubernetes see that KUBECONFIG leads to the cluster.",
      cause,
    });
  }
  return { ...buildx, builderArgs: ["--builder", "slipway"] };
}
