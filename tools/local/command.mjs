import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Problem } from "./problem.mjs";

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [input] text for stdin
 * @property {number} [timeoutMs]
 * @property {(line: string) => void} [onLine] every line of stdout and stderr, as it comes
 * @property {(pid: number) => void} [onStart]
 * @property {string} [todo] what the user can do when the command fails
 *
 * @typedef {object} CommandResult
 * @property {number | undefined} code undefined when it could not start, or was ended by a signal or our time limit
 * @property {string} stdout
 * @property {string} output stdout and stderr in the order they came
 */

/**
 * Runs a command to its end and returns its stdout; a failure becomes a Problem with the last lines of its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<string>}
 */
export async function runCommand(command, args, options = {}) {
  const { code, stdout, output } = await tryCommand(command, args, options);
  if (code === 0) return stdout;
  throw new Problem({
    doing: `Running ${[command, ...args].join(" ")}`,
    found: `${code === undefined ? "it did not end by itself" : `exit code ${code}`}\n${lastLines(output)}`,
    todo: options.todo ?? "The lines above are the last of its output.",
  });
}

/**
 * Runs a command whose failure is an answer, not an error.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function tryCommand(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    let stdout = "";
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      stream.setEncoding("utf8"); // A character may be cut in two by the chunks.
      stream.on("data", (chunk) => {
        output += chunk;
        if (stream === child.stdout) stdout += chunk;
      });
      const { onLine } = options;
      if (onLine) createInterface({ input: stream, crlfDelay: Infinity }).on("line", onLine);
    }
    child.stdin?.on("error", () => {}); // The command may end before it has read everything: its exit code tells.
    child.stdin?.end(options.input);
    /** @param {number | undefined} code @param {string} [text] */
    const finish = (code, text = "") => {
      clearTimeout(timer);
      resolve({ code, stdout, output: output + text });
    };
    const giveUp = () => {
      child.kill("SIGKILL");
      // Its own children may live on and hold the pipes open: waiting for these would be no limit.
      child.stdout?.destroy();
      child.stderr?.destroy();
      finish(undefined, `\nno end within ${options.timeoutMs} ms`);
    };
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(giveUp, options.timeoutMs);
    child.on("error", (error) => finish(undefined, error.message));
    child.on("close", (code) => finish(code ?? undefined));
  });
}

/** The end of a log, for a message. @param {string} text @param {number} [count] @returns {string} */
export function lastLines(text, count = 15) {
  return text
    .trimEnd()
    .split("\n")
    .slice(-count)
    .map((line) => `  | ${line}`)
    .join("\n");
}
