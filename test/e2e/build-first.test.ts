import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
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

async function buildShard({ folder, env }: Stack, shard: string) {
  const args = ["image", "build", "services/*/images.ts#*", "--shard", shard, "--repository", repository, "--json"];
  const main = join(cloneFolder, "dist/cli/main.js");
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: folder, env });
  const results: readonly { readonly image: string; readonly reused: boolean }[] = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  return { results, stderr };
}

test("what slipway image build has built in parts, an up takes as it is, without a builder", async () => {
  const stack = await makeStack(files);
  const first = await buildShard(stack, "1/2");
  const second = await buildShard(stack, "2/2");
  for (const { results } of [first, second]) expect(results).toMatchObject([{ reused: false }, { reused: false }]);
  expect(first.results.map(({ image }) => image)).toEqual(["services/a/images.ts#api", "services/b/images.ts#api"]);
  expect(second.results.map(({ image }) => image)).toEqual(["services/a/images.ts#worker", "services/b/images.ts#job"]);
  // What all begin with is built by one of the first two, of two programs, and is in the repository for the others.
  expect(`${first.stderr}${second.stderr}`.match(/building step 1 of /g)).toHaveLength(1);
  const tags = await fetchTags(repository);
  expect(tags.length).toBeGreaterThanOrEqual(4);

  const up = await pulumi(stack, "up", { env: { SLIPWAY_BUILDER: "unix:///gone" } });
  expect(up.exitCode, up.text).toBe(0);
  for (const name of names) expect(up.lines[name]).toContainEqual(expect.stringContaining("exists, nothing to build"));
  expect(await fetchTags(repository)).toEqual(tags);
  expect(await buildShard(stack, "5/5")).toMatchObject({
    results: [],
    stderr: expect.stringContaining("shard 5/5: the 4 images are in other parts, nothing to do"),
  });
});
