import { join } from "node:path";
import { clearBuildkitLeftovers, isListening, isLoopback, planBuildkit, runBuildkit, socketPath } from "./buildkit.mjs";
import { endDaemon, readDaemon } from "./daemon.mjs";
import { takeDockerBuilder } from "./docker.mjs";
import { localFolder } from "./folders.mjs";
import { buildGoTool } from "./go-tool.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 *
 * @typedef {object} TakenBuilder
 * @property {string} builder an endpoint like unix://…, or the name of a buildx builder
 * @property {string} took
 * @property {boolean} wasStarted by this call
 */

/** The folder of the data of our own BuildKit. */
export const buildkitRoot = () => join(localFolder(), "buildkit");

/** The builder that the user chose; undefined when it is the one that an earlier start chose. @returns {string | undefined} */
export function configuredBuilder() {
  const given = process.env["SLIPWAY_BUILDER"] || undefined;
  return given === `unix://${socketPath(localFolder())}` || given === "slipway" ? undefined : given;
}

/**
 * The user's own builder, else one of the Docker engine, else our own BuildKit.
 * @param {{ registry: string, hasDockerBuildx: boolean, mirrors: Readonly<Record<string, string>>, log: Log }} options
 * @returns {Promise<TakenBuilder>}
 */
export async function takeBuilder({ registry, hasDockerBuildx, mirrors, log }) {
  const given = configuredBuilder();
  if (given) return { builder: given, took: `${given} (SLIPWAY_BUILDER)`, wasStarted: false };
  if (hasDockerBuildx) {
    const { name, took } = await takeDockerBuilder({ needsHostNetwork: isLoopback(registry) });
    return { builder: name, took, wasStarted: false };
  }
  return takeOwn(mirrors, log);
}

/** @param {Readonly<Record<string, string>>} mirrors @param {Log} log @returns {Promise<TakenBuilder>} */
async function takeOwn(mirrors, log) {
  const folder = localFolder();
  const { took } = await buildGoTool("buildkitd", log);
  const plan = await planBuildkit({ folder, root: buildkitRoot(), mirrors, log });
  const builder = `unix://${plan.socket}`;
  const running = readDaemon(folder, "buildkitd");
  if (running?.fingerprint === plan.fingerprint && (await isListening(plan.socket))) {
    return { builder, took: "our own, running already", wasStarted: false };
  }
  await endDaemon(folder, "buildkitd");
  await clearBuildkitLeftovers(plan.root);
  await runBuildkit(plan);
  return { builder, took: `${took}, started${running ? " anew with other settings" : ""}`, wasStarted: true };
}
