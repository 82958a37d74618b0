import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { Leftovers } from "../../provider/leftovers";
import { Image } from "../../sdk/image";
import { startRegistry } from "../../tools/environment.mjs";
import { readTags } from "../deep/stored-image";
import { pushTinyBase } from "../deep/tiny-base";
import { expectCode } from "../fakes/registry-contract";
import { environmentBuilder, newFolder, newName, publish, requestFor } from "./real-parts";

const home = process.cwd();
beforeEach(() => {
  process.chdir(newFolder());
  onTestFinished(() => process.chdir(home));
});

/** A disk of so many kilobytes; `undefined` where this machine does not let us mount one. */
function mountDisk(sizeKb: number): string | undefined {
  const folder = newFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKb}k`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", folder]));
  return folder;
}

async function build(image: Image, root: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const leftovers = new Leftovers(root);
  try {
    const builder = new BuildkitBuilder(parseBuilderChoice(environmentBuilder), leftovers, env);
    return await builder.build(await requestFor(image));
  } finally {
    leftovers.clear(); // As the provider does at its end.
  }
}

const small = () => Image.debianSlim("3.11").runCommands(`echo ${newName()} > /first`);
const NO_MOUNT = "mounting a small disk needs root";

test("a disk that becomes full while the context is written is a clear error, and nothing is left", async ({
  skip,
}) => {
  const disk = mountDisk(1_024);
  if (disk === undefined) return skip(NO_MOUNT);
  mkdirSync("context");
  writeFileSync("context/big", randomBytes(3_000_000));
  writeFileSync("context/Dockerfile", "FROM python:3.11-slim-bookworm\nCOPY big /big\n");
  const image = Image.fromDockerfile("context/Dockerfile", { context: "context" });
  const error = await expectCode(build(image, join(disk, "leftovers")), "BUILDER_UNAVAILABLE");
  expect(error.message).toMatch(/it takes nothing more: ENOSPC: no space left on device.*set TMPDIR/);
  expect(readdirSync(join(disk, "leftovers"))).toEqual([]);
});

test("a disk that is full from the start is a clear error, and nothing is left", async ({ skip }) => {
  const disk = mountDisk(64);
  if (disk === undefined) return skip(NO_MOUNT);
  expect(() => writeFileSync(join(disk, "fill"), Buffer.alloc(64 * 1_024 + 1))).toThrow();
  const error = await expectCode(build(small(), join(disk, "leftovers")), "BUILDER_UNAVAILABLE");
  expect(error.message).toMatch(/no space left on device.*set TMPDIR/s);
  expect(existsSync(join(disk, "leftovers")) ? readdirSync(join(disk, "leftovers")) : []).toEqual([]);
});

test("without a temporary folder the error says to set TMPDIR", async () => {
  writeFileSync("file", "");
  const error = await expectCode(build(small(), join(process.cwd(), "file", "leftovers")), "BUILDER_UNAVAILABLE");
  expect(error.message).toMatch(/temporary folder .*: it cannot be made: ENOTDIR.*Set TMPDIR/);
});

test("a home that cannot be written is no matter, and nothing is left in the temporary folder", async ({ skip }) => {
  const disk = mountDisk(64);
  if (disk === undefined) return skip(NO_MOUNT);
  execFileSync("mount", ["-o", "remount,ro", disk]);
  expect(() => mkdirSync(join(disk, ".docker"))).toThrow("EROFS");
  const { DOCKER_CONFIG: _, BUILDX_CONFIG: __, ...env } = process.env;
  const root = newFolder();
  expect(await build(small(), root, { ...env, HOME: disk })).toMatch(/^sha256:/);
  expect(readdirSync(root)).toEqual([]);
});

test("a registry whose disk is full is an error with that hint, no tag is put, and with space the next build succeeds", async ({
  skip,
}) => {
  const disk = mountDisk(4_096);
  if (disk === undefined) return skip(NO_MOUNT);
  const full = await startRegistry({ root: disk });
  onTestFinished(() => full.stop());
  writeFileSync("big", randomBytes(8_000_000));
  await pushTinyBase(full.address, "base");
  const image = Image.base(`${full.address}/base:1`).addLocalFile("big", "/big", { strategy: "copy" });
  const repository = `${full.address}/images`;
  const error = await expectCode(publish(image, { repository }), "BUILD_FAILED");
  // What this registry itself says is "invalid content range".
  expect(error.message).toMatch(/No tag was put\..* that the registry has space; its log says more/s);
  expect(await readTags(repository)).toEqual([]);
  execFileSync("mount", ["-o", "remount,size=64m", disk]);
  expect(await publish(image, { repository })).toMatchObject({ reused: false });
});
