import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pLimit from "p-limit";
import { onTestFinished } from "vitest";
import type { PrefixPlan } from "../../provider/prefix";
import { readSettings } from "../../provider/settings";
import type { Image } from "../../sdk/image";
import { cutsOf } from "../../sdk/prefix";
import { startBuildkit, takeNode } from "../../tools/environment.mjs";
import { newFolder, newRepository, publish, resolveImage, type PublishOptions } from "../integration/real-parts";
import { secretVariables, writeCorpusFiles, type CorpusImage } from "./one-digest-corpus";

const run = promisify(execFile);
const main = join(__dirname, "../../dist/cli/main.js");
const env: NodeJS.ProcessEnv = { ...process.env, ...secretVariables };

/** A way to build images: for each, in their order, `<hash>@<digest>`. */
export type Way = (images: readonly CorpusImage[]) => Promise<readonly string[]>;

/** Each whole from its base. */
export const whole =
  (options: PublishOptions = {}): Way =>
  (images) =>
    publishEach(images, options, () => Promise.resolve({ kept: [], stored: 0 }));

/** Each cut wherever that may be done, so that a step is built FROM a stored image of those before it. */
export const inParts =
  (options: PublishOptions = {}): Way =>
  (images) =>
    publishEach(images, options, async (image) => {
      const [spec] = (await resolveImage(image)).specs;
      return { kept: spec === undefined ? [] : cutsOf(spec).all, stored: 0 };
    });

async function publishEach(
  images: readonly CorpusImage[],
  options: PublishOptions,
  planOf: (image: Image) => Promise<PrefixPlan>,
): Promise<readonly string[]> {
  checkOut();
  const limit = pLimit(2);
  return Promise.all(
    images.map(({ make }) =>
      limit(async () => {
        const prefixes = await planOf(make());
        const published = await publish(make(), { env, repository: newRepository(), prefixes, ...options });
        return `${published.hash}@${published.digest}`;
      }),
    ),
  );
}

/** All into one repository by `slipway image build`, with the prefixes that it keeps, on a version of Node. */
export const byCommand =
  (major: 20 | 24, builder: string): Way =>
  async (images) => {
    const folder = checkOut();
    writeFileSync("corpus.ts", corpusFile());
    writeFileSync("images.ts", imagesFile(images));
    const args = images.map((_, index) => `images.ts#image${index}`);
    const flags = ["--json", "--repository", newRepository(), "--builder", builder];
    const node = await takeNode(major);
    const { stdout } = await run(node, [main, "image", "build", ...args, ...flags], { cwd: folder, env });
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => {
        const { hash, digest }: { hash: string; digest: string } = JSON.parse(line);
        return `${hash}@${digest}`;
      });
  };

/** The corpus is the tests' own module; a program imports `slipway`. */
function corpusFile(): string {
  const text = readFileSync(join(__dirname, "one-digest-corpus.ts"), "utf8");
  return text.replaceAll(/"\.\.\/\.\.\/sdk\/\w+"/g, '"slipway"');
}

function imagesFile(images: readonly CorpusImage[]): string {
  const lines = images.map(({ name }, index) => `export const image${index} = make(${JSON.stringify(name)});`);
  return `import { corpus } from "./corpus";
const make = (name: string) => corpus.find((one) => one.name === name)?.make();
${lines.join("\n")}
`;
}

/** The files of the corpus in a folder that no other way has: the working directory from now on. */
function checkOut(): string {
  const folder = newFolder();
  process.chdir(folder);
  writeFileSync("package.json", "{}");
  writeCorpusFiles();
  return folder;
}

/** An empty builder, which ends with the test. */
export async function startEmptyBuilder(): Promise<string> {
  const mirrors = Object.fromEntries(readSettings(process.env).mirrors.map(({ registry, place }) => [registry, place]));
  const buildkit = await startBuildkit({ root: newFolder(), mirrors });
  onTestFinished(() => buildkit.stop());
  return buildkit.endpoint;
}

/** Names of images that did not get the digest of the first way from every other, with all digests. */
export function findDifferent(
  images: readonly CorpusImage[],
  digests: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const different = images.flatMap(({ name }, index) => {
    const own = Object.entries(digests).map(([way, list]) => [way, list[index] ?? "none"] as const);
    return new Set(own.map(([, digest]) => digest)).size === 1 ? [] : [[name, Object.fromEntries(own)] as const];
  });
  return Object.fromEntries(different);
}
