import { beforeEach, expect, onTestFinished, test } from "vitest";
import { writeFileSync } from "node:fs";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { parseRepository } from "../../sdk/reference";
import { startBuildkit } from "../../tools/environment.mjs";
import { expectCode } from "../fakes/registry-contract";
import { pushBase } from "./platform-base";
import { environmentBuilder, newFolder, newName, newRepository, publish, readImage, registry } from "./real-parts";

/** Without prefixes, so that nothing but the cache can bring what was built before. */
const whole = { prefixes: { kept: [], stored: 0 } } as const;

beforeEach(() => process.chdir(newFolder()));

/** Starts an empty builder. */
async function startEmpty(): Promise<string> {
  const mirrors = Object.fromEntries(
    readSettings(process.env).mirrors.map(({ registry: name, place }) => [name, place]),
  );
  const buildkit = await startBuildkit({ root: newFolder(), mirrors });
  onTestFinished(() => buildkit.stop());
  return buildkit.endpoint;
}

const layersOf = async ({ ref }: { ref: string }) => (await readImage(ref)).manifest.layers.map(({ digest }) => digest);

test("an empty builder takes from the registry's cache what another one has built", async () => {
  const repository = newRepository();
  // What it writes is never the same twice.
  writeFileSync("Dockerfile", `FROM python:3.11-slim-bookworm\nRUN head -c 1000 /dev/urandom > /${newName()}\n`);
  const image = Image.fromDockerfile("Dockerfile");
  const options = { repository, owner: "api", ...whole };
  const first = await publish(image.env({ N: "1" }), { ...options, settings: { cache: { to: "main" } } });
  const cache = await registry.fetchManifest(parseRepository(repository), "cache-main-api-amd64");
  expect(cache?.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");

  const settings = { cache: { to: "topic", from: ["topic", "main"] } };
  const builder = await startEmpty();
  const second = await publish(image.env({ N: "2" }), { ...options, builder, settings });
  expect(second.reused).toBe(false);
  expect(await layersOf(second)).toEqual(await layersOf(first));
  expect(await registry.findDigest(parseRepository(repository), "cache-topic-api-amd64")).toBeDefined();

  // Cache is no part of what is built.
  const third = await publish(image.env({ N: "2" }), { repository: newRepository(), ...whole });
  expect([third.hash, third.digest]).toEqual([second.hash, second.digest]);
});

test("what is built on a stored prefix leaves the cache as it is", async () => {
  const repository = newRepository();
  writeFileSync("one", newName());
  const first = Image.base(await pushBase(["amd64"])).addLocalFile("one", "/srv/one", { strategy: "copy" });
  const options = { repository, settings: { cache: { to: "main" } } };
  const cacheDigest = () => registry.findDigest(parseRepository(repository), "cache-main-amd64");
  await publish(first, { ...options, ...whole });
  const written = await cacheDigest();
  expect(written).toBeDefined();
  const second = first.addLocalFile("one", "/srv/two", { strategy: "copy" });
  const built = await publish(second, { ...options, prefixes: { kept: [], stored: 1 } });
  expect(built.reused).toBe(false);
  expect(await cacheDigest()).toBe(written);
});

test("cache that is not there, or cannot be written, fails no build; a step that fails is told as ever", async () => {
  const nowhere = "localhost:1/none:main";
  const settings = { cache: { to: nowhere, from: [nowhere, "nobody"] } };
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /word`);
  const built = await publish(image, { settings, builder: environmentBuilder, ...whole });
  expect(built.reused).toBe(false);
  const error = await expectCode(publish(image.runCommands("exit 7"), { settings, ...whole }), "BUILD_FAILED");
  expect(error.text).toContain("step 2 of 2 failed: runCommands exit 7: exit code 7");
});
