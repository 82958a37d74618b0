import { spawn } from "node:child_process";
import { buildGoTool } from "../../tools/local/go-tool.mjs";

/** What BuildKit reads in one instruction, after quotes, escapes and variables. */
export interface ReadInstruction {
  readonly keyword: string;
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly pairs?: readonly (readonly string[])[];
  /** Whether `args` is one text for the image's shell. */
  readonly isShell?: boolean;
}

/** A Dockerfile as BuildKit reads it, or why it refuses it. */
export interface ReadDockerfile {
  readonly error?: string;
  readonly instructions?: readonly ReadInstruction[];
}

/** Reads Dockerfiles with BuildKit's own parser (tools/go/dockerfile-reader): built once, then cached. */
export async function readDockerfiles(texts: readonly string[]): Promise<readonly ReadDockerfile[]> {
  const { path } = await buildGoTool("dockerfile-reader", () => {});
  const answers: readonly ReadDockerfile[] = (await answerLines(path, [], texts)).map((line) => JSON.parse(line));
  return answers;
}

/** Gives a program one JSON value a line, and takes one line an answer. */
export function answerLines(
  command: string,
  args: readonly string[],
  requests: readonly unknown[],
): Promise<readonly string[]> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stdin.on("error", () => {}); // It ended before it read all: its exit code says so.
  child.stdin.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      // U+2028 and the like are no ends of lines here, so no readline.
      const lines = Buffer.concat(output).toString("utf8").split("\n").slice(0, -1);
      if (code === 0 && lines.length === requests.length) resolve(lines);
      else reject(new Error(`${command}: exit code ${code}, ${lines.length} answers to ${requests.length} requests`));
    });
  });
}
