import { homedir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { existsSync, readdirSync } from "node:fs";
import { tryCommand } from "./command.mjs";
import { withElapsed } from "./elapsed.mjs";
import { buildGoTool, readPinnedVersion } from "./go-tool.mjs";
import { knock, remember } from "./remembered.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 *
 * @typedef {object} PulumiCli
 * @property {readonly string[]} executables of the CLI and of the plugins that came with it
 * @property {boolean} hasNodeHost whether its language host for Node is among them; otherwise ours stands in
 * @property {string} took
 */

/**
 * The Pulumi CLI: the user's own when it is complete, else the official download, else built from its Go modules.
 * @param {Log} log
 * @returns {Promise<PulumiCli>}
 */
export async function takePulumiCli(log) {
  return (await findInstalled()) ?? (await download(log)) ?? (await build(log));
}

/** @returns {Promise<PulumiCli | undefined>} */
async function findInstalled() {
  // In a shell of `npm run env` the first pulumi on PATH is what an earlier start put there.
  const folders = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join(".slipway", "bin")));
  const cli = findIn(folders, "pulumi");
  if (!cli) return undefined;
  const host = findIn([dirname(cli), ...folders], "pulumi-language-nodejs");
  const resourceHost = findIn([dirname(cli), ...folders], "pulumi-resource-pulumi-nodejs");
  if (!host || !resourceHost) return undefined;
  const { code, stdout } = await tryCommand(cli, ["version"], { timeoutMs: 10_000, env: quiet() });
  if (code !== 0) return undefined;
  return { executables: [cli, host, resourceHost], hasNodeHost: true, took: `${stdout.trim()} on PATH (${cli})` };
}

/** By Pulumi's own npm launcher, which keeps it under ~/.pulumi/versions. @param {Log} log @returns {Promise<PulumiCli | undefined>} */
async function download(log) {
  const version = readPinnedVersion("pulumi").slice(1);
  const folder = join(process.env["PULUMI_HOME"] || join(homedir(), ".pulumi"), "versions", version, "bin");
  if (existsSync(join(folder, "pulumi"))) return official(folder, `the official v${version}, downloaded earlier`);
  const isReachable = await remember(
    "pulumi download",
    async () => (await knock("https://get.pulumi.com/")) !== undefined,
  );
  if (!isReachable) return undefined;
  const { value, seconds } = await withElapsed(log, `downloading the Pulumi CLI v${version}`, () =>
    tryCommand("npm", ["exec", "--yes", `--package=pulumi@${version}`, "--", "pulumi", "version"], {
      timeoutMs: 300_000,
      env: { ...quiet(), PULUMI_VERSION: version },
    }),
  );
  if (value.code !== 0 || !existsSync(join(folder, "pulumi"))) return undefined;
  return official(folder, `the official v${version}, downloaded in ${seconds} s`);
}

/** @param {Log} log @returns {Promise<PulumiCli>} */
async function build(log) {
  const { path, took } = await buildGoTool("pulumi", log);
  return { executables: [path], hasNodeHost: false, took: `${took}; a stand-in runs Node programs` };
}

/** @param {string} folder @param {string} took @returns {PulumiCli} */
function official(folder, took) {
  const executables = readdirSync(folder)
    .filter((name) => name.startsWith("pulumi"))
    .map((name) => join(folder, name));
  return { executables, hasNodeHost: true, took };
}

/** @param {readonly string[]} folders @param {string} name @returns {string | undefined} */
function findIn(folders, name) {
  return folders.map((folder) => `${folder}${sep}${name}`).find((path) => existsSync(path));
}

/** @returns {NodeJS.ProcessEnv} */
function quiet() {
  return { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
}
