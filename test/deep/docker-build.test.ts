import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startBuildkit } from "../../tools/environment.mjs";
import { buildGoTool } from "../../tools/local/go-tool.mjs";
import { makeExampleStack } from "../e2e/example";
import { newWord } from "../e2e/registry";
import { endWithFile, link, makeTemporaryFolder, pulumi, type Stack } from "../e2e/stack";

/**
 * The real plugin of `@pulumi/docker-build`, built from its Go modules, builds what `toDockerBuild` gives it, on an empty
 * builder of its own; `BuiltImage` builds the same on the environment's.
 */
const word = newWord();
const host = process.env["SLIPWAY_REPOSITORY"]?.split("/")[0] ?? "";
const repositories = { docker: `${host}/docker-build-${word}`, slipway: `${host}/built-image-${word}` };

/** A builder that is buildx's current one, as a user of that plugin has it, and the plugin on PATH. */
async function dockerBuildEnv(): Promise<NodeJS.ProcessEnv> {
  const { path } = await buildGoTool("pulumi-resource-docker-build", console.log);
  const folder = makeTemporaryFolder();
  const buildkit = await startBuildkit({ root: join(folder, "buildkit") });
  endWithFile(buildkit.stop);
  const docker = join(folder, "docker");
  mkdirSync(docker);
  const env = {
    PATH: [dirname(path), process.env["PATH"]].join(delimiter),
    DOCKER_CONFIG: docker,
    BUILDX_CONFIG: join(docker, "buildx"),
  };
  const create = ["create", "--name", "of-the-team", "--driver", "remote", "--use", buildkit.endpoint];
  await promisify(execFile)("buildx", create, { env: { ...process.env, ...env } });
  return { ...env, SLIPWAY_REPOSITORY: repositories.docker, TOKEN: "not-in-the-image" };
}

/** The example's program, then what is harder to say in a Dockerfile. */
const more = `
import { Secret } from "slipway";
import { BuiltImage, ociRepository } from "slipway/pulumi";

const images = {
  steps: Image.debianSlim("3.11")
    .env({ WORD: "${word}" })
    .runCommands("echo $WORD > /word", "useradd -m worker", {})
    .runCommands("test -n \\"$TOKEN\\"", { secrets: [Secret.fromEnv("TOKEN")] })
    .workdir("/srv/app")
    .user("worker")
    .entrypoint(["python3", "-u"])
    .addLocalDir("files", "/srv/app", { strategy: "copy" }),
  imported: Image.fromDockerfile("Dockerfile", { context: ".", buildArgs: { WORD: "${word}" } })
    .addLocalFile("hello.py", "/srv/hello.py", { strategy: "copy" }),
};
const repository = ociRepository("${repositories.slipway}");
new BuiltImage("hello-slipway", { image: hello, repository });
for (const [name, one] of Object.entries(images)) {
  const { args: given, opts: options } = toDockerBuild(one);
  new dockerBuild.Image(name, given, options);
  new BuiltImage(name + "-slipway", { image: one, repository });
}
`;
const names = ["hello", "steps", "imported"];

async function makeProgram(): Promise<Stack> {
  const env = await dockerBuildEnv();
  const example = readFileSync("examples/docker-build/index.ts", "utf8");
  const stack = await makeExampleStack("docker-build", env, {
    "index.ts": `${example}${more}`,
    "files/main.py": "print(1)\n",
    "files/deep/data.txt": "data\n",
    Dockerfile: `FROM python:3.11-slim-bookworm AS base
ARG WORD
RUN echo $WORD > /imported
FROM base
COPY files/deep /data
`,
  });
  link(stack.folder, "@pulumi/docker-build");
  return stack;
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly mediaType: string }[];
}

/** The layers' bytes and the config. BuildKit's note about times in a layer is left out: Slipway puts none. */
async function fetchImage(repository: string, hash: string) {
  const place = `http://${repository.replace("/", "/v2/")}`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const response = await fetch(`${place}/manifests/${hash}`, { headers: { accept } });
  if (!response.ok) return undefined;
  const { config, layers }: Manifest = JSON.parse(await response.text());
  return {
    layers: layers.map(({ digest, size, mediaType }) => ({ digest, size, mediaType })),
    config: await (await fetch(`${place}/blobs/${config.digest}`)).json(),
  };
}

test(
  "the real plugin builds an image with the layers and the config that BuiltImage gives, and keeps it",
  { timeout: 30 * 60_000 },
  async () => {
    const stack = await makeProgram();
    const preview = await pulumi(stack, "preview");
    expect(preview.exitCode, preview.text).toBe(0);
    const up = await pulumi(stack, "up");
    expect(up.exitCode, up.text).toBe(0);

    for (const name of names) {
      const hash = String(up.inputs[`${name}-slipway`]?.["hash"]);
      expect(up.inputs[name]).toMatchObject({ tags: [`${repositories.docker}:${hash}`] });
      const [own, other] = [await fetchImage(repositories.slipway, hash), await fetchImage(repositories.docker, hash)];
      expect(own?.layers.length).toBeGreaterThan(0);
      expect(other).toEqual(own);
    }

    // As a fresh checkout has it, under another umask.
    rmSync(join(stack.folder, "node_modules/.cache"), { recursive: true });
    chmodSync(join(stack.folder, "files/main.py"), 0o600);
    chmodSync(join(stack.folder, "files/deep"), 0o700);
    utimesSync(join(stack.folder, "hello.py"), 1, 1);
    const again = await pulumi(stack, "up");
    expect(again.changes).toEqual({ same: expect.any(Number) });
    const gone = await pulumi(stack, "destroy");
    expect(gone.exitCode, gone.text).toBe(0);
    // That plugin asks localhost by HTTPS to delete, and is silent when nobody answers: so the engine is asked.
    for (const name of names) expect(gone.text).toMatch(new RegExp(`docker-build:index:Image ${name} .*\\[retain\\]`));
  },
);
