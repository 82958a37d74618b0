import { createHash } from "node:crypto";
import { join } from "node:path";
import { tryCommand, runCommand } from "./command.mjs";
import { binFolder, localFolder, makeFolder } from "./folders.mjs";

/**
 * Runs `buildx build` on a builder: an endpoint like unix://…, or the name of a buildx builder of the user.
 * @param {{ builder: string, args: readonly string[], input?: string, onLine?: (line: string) => void }} options
 * @returns {Promise<string>} everything that it printed
 */
export async function runBuildx({ builder, args, input, onLine }) {
  const buildx = join(binFolder, "buildx");
  const isEndpoint = builder.includes("://");
  const env = isEndpoint ? privateEnvironment() : process.env;
  const name = isEndpoint ? await registerEndpoint(buildx, builder, env) : builder;
  /** @type {string[]} */
  const lines = [];
  await runCommand(buildx, ["build", "--builder", name, "--progress", "plain", ...args], {
    env,
    ...(input === undefined ? {} : { input }),
    onLine: (line) => {
      lines.push(line);
      onLine?.(line);
    },
  });
  return lines.join("\n");
}

/**
 * buildx takes no endpoint as such: it is registered once, in a folder of our own, under a name that says which it is.
 * @param {string} buildx @param {string} endpoint @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
async function registerEndpoint(buildx, endpoint, env) {
  const name = `local-${createHash("sha256").update(endpoint).digest("hex").slice(0, 12)}`;
  const { code } = await tryCommand(buildx, ["create", "--name", name, "--driver", "remote", endpoint], { env });
  if (code !== 0) await runCommand(buildx, ["inspect", name], { env }); // Registered already, also by another command just now.
  return name;
}

/** @returns {NodeJS.ProcessEnv} */
function privateEnvironment() {
  const folder = makeFolder(join(localFolder(), "buildx"));
  return { ...process.env, BUILDX_CONFIG: folder, DOCKER_CONFIG: folder, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };
}
