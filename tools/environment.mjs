// The local environment of Slipway: Pulumi CLI, BuildKit, buildx, a registry. What the machine has is taken;
// what is missing is built from pinned sources and started. See README.md.
import { existsSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { addNodeIn, removeNodeIn, runningKubeconfig, startClusterIn, stopClusterIn } from "./cluster/cluster.mjs";
import { fillBinFolder } from "./local/bin-folder.mjs";
import { clearBuildkitLeftovers } from "./local/buildkit.mjs";
import { endDaemon } from "./local/daemon.mjs";
import { readDockerBuildx, readDockerEngine, removeRegistryContainer } from "./local/docker.mjs";
import { binFolder, localFolder, makeFolder } from "./local/folders.mjs";
import { buildGoTool } from "./local/go-tool.mjs";
import { withLock } from "./local/lock.mjs";
import { takePulumiCli } from "./local/pulumi-cli.mjs";
import { pulumiStateFolder } from "./local/pulumi-run.mjs";
import { forget } from "./local/remembered.mjs";
import { isDockerHubReachable, makeStandInRoot, publishStandIn, standInName } from "./local/stand-in-base.mjs";
import { buildkitRoot, configuredBuilder, takeBuilder } from "./local/take-builder.mjs";
import { containerRecordFile, takeRegistry } from "./local/take-registry.mjs";

export { ECR_ACCOUNT, startEcr } from "./local/ecr.mjs";
export { startCountingProxy } from "./local/counting-proxy.mjs";
export { takeNode } from "./local/node-version.mjs";
export { startBuildkit, startRegistry } from "./local/throw-away.mjs";
export { TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "./local/test-account.mjs";

/**
 * @typedef {import("./local/elapsed.mjs").Log} Log
 * @typedef {import("./local/take-registry.mjs").TakenRegistry} TakenRegistry
 * @typedef {import("./local/counting-proxy.mjs").CountingProxy} CountingProxy
 * @typedef {import("./local/throw-away.mjs").Instance} Instance a registry or BuildKit of one test
 *
 * @typedef {object} Environment
 * @property {Record<string, string>} env variables for everything that runs in the environment
 * @property {string[]} started what this call started; empty when all of it ran already
 * @property {string[]} took one line a part: where it was taken from
 */

/**
 * Starts what is missing. A second call finds everything running and is instant; two calls at once start it once.
 * @param {{ log?: Log }} [options] `log` gets a line for each part and for long steps
 * @returns {Promise<Environment>}
 */
export function startEnvironment({ log = () => {} } = {}) {
  return withLock(join(localFolder(), "lock"), log, () => start(log));
}

/**
 * Ends what startEnvironment started, on this machine, for all clones. Images and build caches stay.
 * @param {{ log?: Log }} [options]
 * @returns {Promise<string[]>} what was ended
 */
export function stopEnvironment({ log = () => {} } = {}) {
  return withLock(join(localFolder(), "lock"), log, async () => {
    const stopped = [];
    for (const name of ["buildkitd", "registry"]) {
      const ended = await endDaemon(localFolder(), name);
      if (ended) stopped.push(`${name} at ${ended.address} (process ${ended.process.pid})`);
    }
    await clearBuildkitLeftovers(buildkitRoot());
    if (existsSync(containerRecordFile())) {
      await removeRegistryContainer();
      rmSync(containerRecordFile());
      stopped.push("container slipway-registry");
    }
    stopped.push(...(await withClusterLock(log, () => stopClusterIn(clusterFolder()))));
    forget();
    return stopped;
  });
}

/**
 * Starts what is missing of the local Kubernetes: two nodes, one of them with a taint and the claim to have a GPU.
 * @param {{ log?: Log }} [options]
 * @returns {Promise<import("./cluster/cluster.mjs").Cluster>}
 */
export function startCluster({ log = () => {} } = {}) {
  return withClusterLock(log, () => startClusterIn({ folder: clusterFolder(), log }));
}

/**
 * Ends the local Kubernetes; its images and objects stay.
 * @param {{ log?: Log }} [options]
 * @returns {Promise<string[]>} what was ended
 */
export function stopCluster({ log = () => {} } = {}) {
  return withClusterLock(log, () => stopClusterIn(clusterFolder()));
}

/**
 * Starts one more node of the local Kubernetes, for one test.
 * @param {import("./cluster/node-settings.mjs").NodePlan} plan
 * @returns {Promise<{ imageDisk: string, stop: () => Promise<void> }>} `imageDisk`: the folder of its images
 */
export async function addClusterNode(plan) {
  const folder = clusterFolder();
  const log = () => {};
  const stop = () => withClusterLock(log, () => removeNodeIn(folder, plan.name));
  await stop(); // one of a test that was killed
  return { imageDisk: await withClusterLock(log, () => addNodeIn({ folder, plan, log })), stop };
}

const clusterFolder = () => join(localFolder(), "cluster");

/** @template T @param {Log} log @param {() => Promise<T>} work */
const withClusterLock = (log, work) => withLock(join(localFolder(), "cluster.lock"), log, work);

/** @param {Log} log @returns {Promise<Environment>} */
async function start(log) {
  /** @type {string[]} */
  const took = [];
  /** @param {string} part @param {string} line */
  const say = (part, line) => {
    took.push(`${part.padEnd(9)} ${line}`);
    log(`${part.padEnd(9)} ${line}`);
  };

  const hasDocker = (await readDockerEngine()) !== undefined;
  const dockerBuildx = hasDocker ? await readDockerBuildx() : undefined;
  // A Docker engine has its own ways to base images, and so has a builder of the user's.
  const needsStandIn = !dockerBuildx && !configuredBuilder() && !(await isDockerHubReachable());
  const repository = process.env["SLIPWAY_REPOSITORY"] || undefined;
  const registry = await takeRegistry({ repository, hasDocker, log });
  say("registry", registry.took);
  // The stand-in's place does not follow one shell's repository: BuildKit, whose mirror it is, serves other shells too.
  const local = needsStandIn && repository ? await takeRegistry({ repository: undefined, hasDocker, log }) : registry;
  if (local.address !== registry.address) say("registry", `${local.took} (for the stand-in base)`);
  // Mostly waiting for downloads, so it goes on beside the remaining Go builds.
  const standInRoot = needsStandIn ? makeStandInRoot(log) : undefined;
  try {
    return await startRest({ registry, local, dockerBuildx, standInRoot, took, say, log });
  } finally {
    // After a failure too: nothing of ours goes on when the lock is free.
    await standInRoot?.catch(() => {});
  }
}

/**
 * @param {{ registry: TakenRegistry, local: TakenRegistry, dockerBuildx: string | undefined,
 *   standInRoot: Promise<string> | undefined, took: string[], say: (part: string, line: string) => void, log: Log }} options
 * @returns {Promise<Environment>}
 */
async function startRest({ registry, local, dockerBuildx, standInRoot, took, say, log }) {
  standInRoot?.catch(() => {}); // It is awaited further down; until then its failure is not an unhandled one.
  const mirrors = standInRoot ? { "docker.io": local.address } : {};
  const buildkit = await takeBuilder({
    registry: registry.address,
    hasDockerBuildx: dockerBuildx !== undefined,
    mirrors,
    log,
  });
  say("buildkit", buildkit.took);
  const buildx = dockerBuildx
    ? { path: "docker", took: `docker buildx ${dockerBuildx}` }
    : await buildGoTool("buildx", log);
  say("buildx", buildx.took);
  const pulumi = await takePulumiCli(log);
  say("pulumi", pulumi.took);
  const isClusterUp = runningKubeconfig(clusterFolder()) !== undefined;
  const kubectl = isClusterUp ? (await buildGoTool("kubectl", log)).path : undefined;
  fillBinFolder({ pulumi, buildx: buildx.path, kubectl });
  if (standInRoot) {
    await publishStandIn({ registry: local.address, endpoint: buildkit.builder, tar: await standInRoot, log });
    say("base", `docker.io cannot be reached: a stand-in for ${standInName}, made from Debian's packages, is used`);
  }

  const started = [
    registry.wasStarted || local.wasStarted ? "registry" : "",
    buildkit.wasStarted ? "buildkitd" : "",
  ].filter((part) => part !== "");
  return { env: variables({ repository: registry.repository, builder: buildkit.builder, mirrors }), started, took };
}

/**
 * @param {{ repository: string, builder: string, mirrors: Readonly<Record<string, string>> }} parts
 * @returns {Record<string, string>}
 */
function variables({ repository, builder, mirrors }) {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== binFolder);
  const mirrorList = Object.entries(mirrors)
    .map(([from, to]) => `${from}=${to}`)
    .join(",");
  const kubeconfig = runningKubeconfig(clusterFolder());
  return {
    PATH: [binFolder, ...path].join(delimiter),
    SLIPWAY_REPOSITORY: repository,
    SLIPWAY_BUILDER: builder,
    ...(mirrorList === "" ? {} : { SLIPWAY_MIRRORS: mirrorList }),
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
    PULUMI_BACKEND_URL: `file://${makeFolder(pulumiStateFolder)}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}
