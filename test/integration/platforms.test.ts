import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Image } from "../../sdk/image";
import type { Platform } from "../../sdk/platform";
import { parseRepository } from "../../sdk/reference";
import { startBuildkit } from "../../tools/environment.mjs";
import { expectCode } from "../fakes/registry-contract";
import { pushBase } from "./platform-base";
import { newFolder, newName, newRepository, publish, readImage, registry } from "./real-parts";

const run = promisify(execFile);
const both: readonly Platform[] = ["linux/amd64", "linux/arm64"];

type Buildkit = Awaited<ReturnType<typeof startBuildkit>>;
const folder = mkdtempSync(join(tmpdir(), "slipway-platforms-"));
/** The first runs arm64 too, as if by emulation; the second is a machine with arm64. */
let nodes: readonly [Buildkit, Buildkit];
beforeAll(async () => {
  const start = (name: string, platforms: readonly string[]) => startBuildkit({ root: join(folder, name), platforms });
  nodes = await Promise.all([start("amd64", both), start("arm64", ["linux/arm64"])]);
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  process.chdir(newFolder());
  mkdirSync("app");
  writeFileSync("app/main.py", `print(${JSON.stringify(newName())})\n`);
});

const copied = (base: string) => Image.base(base).env({ A: "1" }).addLocalDir("app", "/srv/app", { strategy: "copy" });

test("an image for two platforms is one index under its hash, and needs no emulation where nothing runs", async () => {
  const image = copied(await pushBase(["amd64", "arm64"]))
    .workdir("/srv/app")
    .cmd(["python3", "main.py"]);
  const repository = newRepository();
  const built = await publish(image, { repository, platforms: both });
  expect(built.reused).toBe(false);
  expect(Object.keys(built.platformDigests ?? {})).toEqual(both);

  const index = await registry.fetchManifest(parseRepository(repository), built.hash);
  expect(index?.digest).toBe(built.digest);
  const { manifests }: Index = JSON.parse(index?.bytes.toString("utf8") ?? "{}");
  const listed = manifests.map(({ digest, platform: { os, architecture } }) => [`${os}/${architecture}`, digest]);
  expect(Object.fromEntries(listed)).toEqual(built.platformDigests);
  for (const [platform, digest] of Object.entries(built.platformDigests ?? {})) {
    const { config } = await readImage(`${repository}@${digest}`);
    expect(`linux/${config.architecture}`).toBe(platform);
    expect(config.config).toMatchObject({ Cmd: ["python3", "main.py"], WorkingDir: "/srv/app" });
  }

  const again = await publish(image, { repository, platforms: both });
  expect(again).toEqual({ ...built, reused: true });
});

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly os: string; readonly architecture: string };
  }[];
}

test("each platform is built by the node that has it, not by the first that could emulate it", async () => {
  const config = newFolder();
  const env = { ...process.env, BUILDX_CONFIG: config };
  const buildx = async (...args: string[]) => (await run("buildx", args, { env })).stdout;
  for (const [index, { endpoint }] of nodes.entries()) {
    await buildx("create", "--name", "farm", "--driver", "remote", ...(index === 0 ? [] : ["--append"]), endpoint);
    await buildx("create", "--name", `node${index}`, "--driver", "remote", endpoint);
  }
  const hasBuilt = (): Promise<boolean[]> =>
    Promise.all(nodes.map(async (_, index) => !/^Total:\s+0B$/m.test(await buildx("--builder", `node${index}`, "du"))));
  const image = copied(await pushBase(["amd64", "arm64"]));
  expect(await hasBuilt()).toEqual([false, false]);
  await publish(image, { builder: "farm", env, platforms: ["linux/arm64"] });
  expect(await hasBuilt()).toEqual([false, true]);
  await publish(image, { builder: "farm", env, platforms: ["linux/amd64"] });
  expect(await hasBuilt()).toEqual([true, true]);
});

test("a step that runs on a platform that the builder lacks is an error before anything is built or pushed", async () => {
  const repository = newRepository();
  const image = copied(await pushBase(["amd64", "riscv64"])).runCommands("true");
  const lines: string[] = [];
  const publishing = publish(image, {
    repository,
    builder: nodes[0].endpoint,
    platforms: ["linux/amd64", "linux/riscv64"],
    onProgress: (text) => void lines.push(text),
  });
  const error = await expectCode(publishing, "PLATFORM_UNAVAILABLE");
  expect(error.text).toBe(
    "building for linux/riscv64: the builder cannot run runCommands true there; it runs linux/amd64, linux/arm64.",
  );
  expect(error.callSite).toContain("platforms.test.ts");
  expect(lines).toEqual([]);
  const { host, path } = parseRepository(repository);
  expect((await fetch(`http://${host}/v2/${path}/tags/list`)).status).toBe(404);
});
