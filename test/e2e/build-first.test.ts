import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { fetchTags, newWord } from "./registry";
import { cloneFolder, makeStack, pulumi, type Stack } from "./stack";

/** A CI that builds first, and an `up` on a machine that can build nothing. */
const word = newWord();
const repository = `${process.env["SLIPWAY_REPOSITORY"]}/build-first-${word}`;

const services = { a: ["api", "worker"], b: ["api", "job"] } as const;
const names = Object.entries(services).flatMap(([folder, images]) => images.map((image) => `${folder}-${image}`));
const files = {
  "tsconfig.json": `{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true, "rootDir": "." } }`,
  "shared.ts": `import { Image } from "slipway";
export const shared = Image.debianSlim("3.11").runCommands("echo ${word} > /list");
`,
  // For the command line a program of its own; Pulumi runs the one above.
  "services/a/Pulumi.yaml": "name: a\nruntime: nodejs\n",
  ...Object.fromEntries(
    Object.entries(services).map(([folder, images]) => [
      `services/${folder}/images.ts`,
      `import { shared } from "../../shared";
${images.map((name) => `export const ${name} = shared.runCommands("echo ${name}-${folder} > /name");`).join("\n")}
`,
    ]),
  ),
  "index.ts": `import { BuiltImage, ociRepository } from "slipway/pulumi";
import * as a from "./services/a/images";
import * as b from "./services/b/images";
const repository = ociRepository("${repository}");
for (const [folder, images] of Object.entries({ a, b }))
  for (const [name, image] of Object.entries(images)) new BuiltImage(folder + "-" + name, { image, repository, build: "never" });
`,
};

interface Workflow {
  readonly jobs: { readonly images: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] } };
}

/** What a machine of examples/build-first runs: the images that it built, and what it said. */
async function buildShard({ folder, env }: Stack, shard: string) {
  const { jobs }: Workflow = parse(readFileSync(join(cloneFolder, "examples/build-first/slipway.yaml"), "utf8"));
  const command = jobs.images.steps.find(({ name }) => name === "Build")?.run ?? "";
  const PATH = `${join(folder, "bin")}:${env["PATH"] ?? ""}`;
  const own = { ...env, PATH, SHARD: shard, SLIPWAY_REPOSITORY: repository };
  const { stdout, stderr } = await promisify(execFile)("bash", ["-e", "-c", command], { cwd: folder, env: own });
  const results = [...stdout.matchAll(/^image {3}(.*)\nuri .*\nref .*\nreused {2}no$/gm)].map(([, image]) => image);
  return { results, stderr };
}

test("what slipway image build has built in parts, an up takes as it is, without a builder", async () => {
  const stack = await makeStack(files);
  // Stands for npm's own: the package is no published one.
  mkdirSync(join(stack.folder, "bin"));
  writeFileSync(join(stack.folder, "bin/npx"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const first = await buildShard(stack, "1/2");
  const second = await buildShard(stack, "2/2");
  expect(first.results).toEqual(["services/a/images.ts#api", "services/b/images.ts#api"]);
  expect(second.results).toEqual(["services/a/images.ts#worker", "services/b/images.ts#job"]);
  // What all begin with is built by one of the first two, of two programs, and is in the repository for the others.
  expect(`${first.stderr}${second.stderr}`.match(/building step 1 of /g)).toHaveLength(1);
  const tags = await fetchTags(repository);
  expect(tags.length).toBeGreaterThanOrEqual(4);

  const up = await pulumi(stack, "up", { env: { SLIPWAY_BUILDER: "unix:///gone" } });
  expect(up.exitCode, up.text).toBe(0);
  for (const name of names) expect(up.lines[name]).toContainEqual(expect.stringContaining("exists, nothing to build"));
  expect(await fetchTags(repository)).toEqual(tags);
});
