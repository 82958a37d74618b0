import { runCommand, tryCommand } from "./command.mjs";

/** @typedef {{ name: string, driver: string, hostNetwork: boolean }} DockerBuilder */

/**
 * The version of the Docker engine that answers; undefined when none does. A `docker` command alone proves nothing.
 * @returns {Promise<string | undefined>}
 */
export async function readDockerEngine() {
  const { code, stdout } = await tryCommand("docker", ["version", "--format", "{{.Server.Version}}"], {
    timeoutMs: 5_000,
  });
  return code === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}

/** The version of docker's own buildx, undefined without one. @returns {Promise<string | undefined>} */
export async function readDockerBuildx() {
  const { code, stdout } = await tryCommand("docker", ["buildx", "version"], { timeoutMs: 5_000 });
  return code === 0 ? (/v\d\S*/.exec(stdout)?.[0] ?? stdout.trim()) : undefined;
}

/**
 * A builder that can push by digest and, for a registry on this machine, reach the host's loopback interface:
 * the current one when it can, else the builder `slipway`, created once.
 * @param {{ needsHostNetwork: boolean }} options
 * @returns {Promise<{ name: string, took: string }>}
 */
export async function takeDockerBuilder({ needsHostNetwork }) {
  const current = await inspectBuilder();
  // Docker's default driver builds in the engine and cannot push by digest.
  if (current && current.driver !== "docker" && (current.hostNetwork || !needsHostNetwork)) {
    return { name: current.name, took: `the current buildx builder ${current.name} (${current.driver})` };
  }
  const reason = !current
    ? "no builder is current"
    : current.driver === "docker"
      ? `${current.name} (driver docker) cannot push by digest`
      : `${current.name} has no host network and does not reach a registry on localhost`;
  if (await inspectBuilder("slipway")) return { name: "slipway", took: `the buildx builder slipway, since ${reason}` };
  await runCommand(
    "docker",
    [
      "buildx",
      "create",
      "--name",
      "slipway",
      "--driver",
      "docker-container",
      "--driver-opt",
      "network=host",
      "--bootstrap",
    ],
    {
      todo: "The Docker engine must be able to pull BuildKit's image, or set SLIPWAY_BUILDER to a builder of yours.",
    },
  );
  return { name: "slipway", took: `the buildx builder slipway, created since ${reason}` };
}

/** Runs `registry:3` as the container slipway-registry on 127.0.0.1. @param {number} port */
export async function runRegistryContainer(port) {
  await removeRegistryContainer();
  await runCommand("docker", [
    "run",
    "--detach",
    "--name",
    "slipway-registry",
    "--publish",
    `127.0.0.1:${port}:5000`,
    "--volume",
    "slipway-registry:/var/lib/registry",
    "--env",
    "REGISTRY_STORAGE_DELETE_ENABLED=true",
    "--env",
    "OTEL_TRACES_EXPORTER=none",
    "registry:3",
  ]);
}

/** Its images stay in the volume slipway-registry. */
export async function removeRegistryContainer() {
  await tryCommand("docker", ["rm", "--force", "slipway-registry"]);
}

/** @param {string} [name] the current one without @returns {Promise<DockerBuilder | undefined>} */
async function inspectBuilder(name) {
  const { code, stdout } = await tryCommand("docker", ["buildx", "inspect", ...(name ? [name] : [])], {
    timeoutMs: 15_000,
  });
  const found = /^Name:\s+(\S+)/m.exec(stdout)?.[1];
  const driver = /^Driver:\s+(\S+)/m.exec(stdout)?.[1];
  if (code !== 0 || !found || !driver) return undefined;
  return { name: found, driver, hostNetwork: /^Driver Options:.*network="?host"?/m.test(stdout) };
}
