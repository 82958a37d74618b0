import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * @typedef {import("@pulumi/pulumi/proto/language_pb.js").RunRequest} RunRequest
 * @typedef {{ error?: string, isReported: boolean }} Outcome
 */

/** The exit code by which the program's process says that it has already told the engine what went wrong. */
const alreadyReported = 32;
const graceMs = 5_000;

/** The one run of the program that a language host serves: a Node process under Pulumi's own runner. */
export class ProgramRun {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;
  #engineAddress;

  /** @param {string} engineAddress */
  constructor(engineAddress) {
    this.#engineAddress = engineAddress;
  }

  /** Runs the program to its end. @param {RunRequest} request @returns {Promise<Outcome>} */
  async start(request) {
    const options = request.getInfo()?.getOptions()?.toJavaScript() ?? {};
    const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
    const child = spawn("node", [...nodeArgs(options), findRunner(folder), ...this.#flags(request)], {
      cwd: request.getPwd(),
      env: { ...process.env, ...settings(request, options) },
      // What the program prints goes where ours goes: the engine turns it into lines of the stack.
      stdio: ["ignore", "inherit", "inherit"],
    });
    this.#child = child;
    return await new Promise((resolve) => {
      child.on("error", (error) =>
        resolve({ error: `Node could not be started: ${error.message}`, isReported: false }),
      );
      child.on("exit", (code, signal) => {
        if (code === 0) resolve({ isReported: false });
        else if (code === alreadyReported) resolve({ isReported: true });
        else resolve({ error: `The program ended with ${signal ?? `exit code ${code}`}`, isReported: false });
      });
    });
  }

  /** Ends the program, if it runs, and waits for that. @returns {Promise<void>} */
  async stop() {
    const child = this.#child;
    // Our own child keeps its pid until we have seen it end, so a signal cannot meet another process.
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await ended;
    clearTimeout(timer);
  }

  /** @param {RunRequest} request @returns {string[]} */
  #flags(request) {
    const values = {
      monitor: request.getMonitorAddress(),
      engine: this.#engineAddress,
      organization: request.getOrganization(),
      project: request.getProject(),
      stack: request.getStack(),
      pwd: request.getPwd(),
      "root-directory": request.getInfo()?.getRootDirectory() ?? "",
      parallel: String(request.getParallel()),
    };
    const flags = Object.entries(values)
      .filter(([, value]) => value !== "")
      .flatMap(([name, value]) => [`--${name}`, value]);
    // "." is for the runner: look into package.json.
    const program = request.getInfo()?.getEntryPoint() || request.getProgram() || ".";
    return [...flags, ...(request.getDryrun() ? ["--dry-run"] : []), program, ...request.getArgsList()];
  }
}

/**
 * Pulumi's runner as the program has it: the SDK that the program loads must be the one that runs it.
 * @param {string} folder
 */
function findRunner(folder) {
  for (const from of [join(folder, "package.json"), import.meta.url]) {
    try {
      return createRequire(from).resolve("@pulumi/pulumi/cmd/run");
    } catch {
      // Not there: the next one.
    }
  }
  throw new Error(`@pulumi/pulumi is not installed for the program in ${folder}. Run npm install there.`);
}

/** `runtime: { options: { nodeargs: … } }` of Pulumi.yaml. @param {Record<string, unknown>} options */
function nodeArgs(options) {
  return typeof options["nodeargs"] === "string" ? options["nodeargs"].split(/\s+/).filter((word) => word !== "") : [];
}

/** @param {RunRequest} request @param {Record<string, unknown>} options @returns {Record<string, string>} */
function settings(request, options) {
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(options["typescript"] !== false),
    ...(typeof options["tsconfig"] === "string" ? { PULUMI_NODEJS_TSCONFIG_PATH: options["tsconfig"] } : {}),
  };
}
