import { spawn } from "node:child_process";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { prepareBuildx } from "../../provider/buildx";
import { Leftovers } from "../../provider/leftovers";
import { environmentBuilder, newFolder } from "./real-parts";

/**
 * Runs a program in a container of an image, as a BuildKit step on top of it: in its user, folder and environment.
 * Returns what it printed.
 */
export async function runIn(ref: string, args: readonly string[]): Promise<string> {
  const buildx = await prepareBuildx(parseBuilderChoice(environmentBuilder), new Leftovers(newFolder()), process.env);
  const build = [
    "build",
    ...buildx.builderArgs,
    "--no-cache",
    "--progress",
    "rawjson",
    "--output",
    "type=cacheonly",
    "-",
  ];
  const child = spawn(buildx.command, [...buildx.prefix, ...build], {
    env: buildx.env,
    stdio: ["pipe", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.end(`FROM ${ref}\nRUN ${JSON.stringify(args)}\n`);
  const code = await new Promise((resolve) => child.on("close", resolve));
  const printed = output.split("\n").flatMap(readLogs).join("");
  if (code !== 0) throw new Error(`${args.join(" ")} failed in ${ref}:\n${printed || output}`);
  return printed;
}

/** Runs Python code that prints JSON. */
export async function evaluateIn(ref: string, code: string): Promise<unknown> {
  return JSON.parse(await runIn(ref, ["python3", "-c", `import json, os, stat, sys\n${code}`]));
}

function readLogs(line: string): readonly string[] {
  if (!line.startsWith("{")) return [];
  const { logs }: { logs?: readonly { data: string }[] } = JSON.parse(line);
  return (logs ?? []).map(({ data }) => Buffer.from(data, "base64").toString("utf8"));
}
