import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readImage } from "../integration/real-parts";
import { newWord, startTestRegistry } from "./registry";
import { cloneFolder, IMPORTS, makeStack, pulumi, writeFiles } from "./stack";

const run = promisify(execFile);

interface Workflow {
  readonly jobs: { readonly preview: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] } };
}

/** The commands of the steps that have a name, as the workflow's runner starts them. */
function commands(): readonly string[] {
  const file = join(cloneFolder, "examples", "pull-request", "slipway.yaml");
  const { jobs }: Workflow = parse(readFileSync(file, "utf8"));
  return jobs.preview.steps.flatMap(({ name, run: command }) => (name !== undefined && command ? [command] : []));
}

test("the pull request's comment says which image changes, and from which step", async () => {
  const registry = await startTestRegistry();
  const program = (words: string): string => `${IMPORTS}
const api = new BuiltImage("api", { image: Image.debianSlim("3.11").runCommands("echo ${words}"), builder: { compression: "gzip" } });
export const ref = api.ref;
new BuiltImage("web", { image: Image.debianSlim("3.11").env({ A: "${words}" }) });
new BuiltImage("same", { image: Image.debianSlim("3.11").env({ A: "1" }) });
`;
  const word = newWord();
  const stack = await makeStack({ "index.ts": program(word) }, registry.env);
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const { manifest } = await readImage(String(up.outputs["ref"]));
  expect(manifest.layers.at(-1)?.mediaType, "the compression that was asked for").toMatch(/gzip$/);

  writeFiles(stack.folder, {
    "index.ts": program(`${word}2`),
    // Stands for GitHub's own: keeps what it was asked.
    "bin/gh": `#!/bin/sh\necho "$@" > gh.txt\n`,
  });
  await run("chmod", ["+x", join(stack.folder, "bin", "gh")]);
  const PATH = `${join(stack.folder, "bin")}:${stack.env["PATH"] ?? ""}`;
  const env = { ...stack.env, PATH, PULUMI_STACK: "dev", PULL_REQUEST: "7" };
  for (const command of commands()) await run("bash", ["-e", "-c", command], { cwd: stack.folder, env });

  const comment = readFileSync(join(stack.folder, "comment.md"), "utf8");
  const [before = ""] = comment.split("<details>");
  expect(before.trim().split("\n").sort()).toEqual(
    [
      "",
      "### Images",
      `- **api**: builds from step 1 of 1: runCommands command: "echo ${word}" → "echo ${word}2"`,
      "- **web**: builds from step 1 of 1: env ~ A",
    ].filter((line) => line !== ""),
  );
  expect(comment).toContain("pulumi-nodejs:dynamic/slipway:BuiltImage");
  expect(readFileSync(join(stack.folder, "gh.txt"), "utf8").trim()).toBe(
    "pr comment 7 --edit-last --create-if-none --body-file comment.md",
  );
});
