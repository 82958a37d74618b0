import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Manifest, Registry } from "../../provider/registry";
import { newFolder, registry } from "../integration/real-parts";
import { seed, tellCounts } from "./counts";
import { byCommand, findDifferent, inParts, startEmptyBuilder, whole, type Way } from "./one-digest";
import { corpus } from "./one-digest-corpus";
import { Random } from "./random";

const timeout = 20 * 60_000;

test("one hash is one digest, whoever builds it, and however", { timeout }, async () => {
  const images = shuffle(corpus, new Random(seed));
  const empty = await startEmptyBuilder();
  const ways: Readonly<Record<string, Way>> = {
    "whole, on an empty builder": whole({ builder: empty }),
    "whole, from that builder's cache": whole({ builder: empty }),
    "whole, on the environment's builder": whole(),
    "each step from the one before": inParts(),
    "each step from the one before, on an empty builder": async (all) =>
      inParts({ builder: await startEmptyBuilder() })(all),
    "slipway image build, Node 20, an empty builder": async (all) => byCommand(20, await startEmptyBuilder())(all),
    "slipway image build, Node 24, an empty builder": async (all) => byCommand(24, await startEmptyBuilder())(all),
  };
  await expectOneDigest("zstd", images, ways);
});

test("and so with gzip", { timeout }, async () => {
  const images = shuffle(corpus, new Random(seed + 1));
  const compression = "gzip";
  const ways: Readonly<Record<string, Way>> = {
    "whole, on an empty builder": async (all) => whole({ compression, builder: await startEmptyBuilder() })(all),
    "whole, on the environment's builder": whole({ compression }),
    "each step from the one before": inParts({ compression }),
    "each step from the one before, on an empty builder": async (all) =>
      inParts({ compression, builder: await startEmptyBuilder() })(all),
  };
  await expectOneDigest("gzip", images, ways);
});

async function expectOneDigest(
  compression: string,
  images: typeof corpus,
  ways: Readonly<Record<string, Way>>,
): Promise<void> {
  const digests: Record<string, readonly string[]> = {};
  for (const [name, way] of Object.entries(ways)) digests[name] = await way(images);
  const different = findDifferent(images, digests);
  const told = `${images.length} images in ${Object.keys(ways).length} ways with ${compression}`;
  tellCounts(`one-digest: seed ${seed}, ${told}; ${Object.keys(different).length} have more than one digest`);
  expect(different).toEqual({});
}

const sample = corpus.filter(({ name }) =>
  ["commands that write bytes", "settings, among them a folder, and copies"].includes(name),
);

test.each([
  ["no rewrite-timestamp", ",rewrite-timestamp=true"],
  ["no SOURCE_DATE_EPOCH", " --build-arg SOURCE_DATE_EPOCH=0"],
])("a build with %s is caught", { timeout }, async (_, left) => {
  vi.stubEnv("PATH", `${makeBuildx(left)}${delimiter}${process.env["PATH"] ?? ""}`);
  try {
    const [one, other] = [await startEmptyBuilder(), await startEmptyBuilder()];
    const env = { ...process.env };
    const digests = {
      one: await whole({ env, builder: one })(sample),
      other: await whole({ env, builder: other })(sample),
    };
    expect(Object.keys(findDifferent(sample, digests))).toEqual(sample.map(({ name }) => name));
  } finally {
    vi.unstubAllEnvs();
  }
});

test("a commit that keeps BuildKit's note on layers is caught", { timeout }, async () => {
  const digests = {
    sound: await whole()(sample),
    keeping: await whole({ registry: keepNotes(registry) })(sample),
  };
  expect(Object.keys(findDifferent(sample, digests))).toEqual(sample.map(({ name }) => name));
});

/** A folder with a buildx that does not get some of the arguments that Slipway gives it. */
function makeBuildx(left: string): string {
  const folder = newFolder();
  const real = (process.env["PATH"] ?? "").split(delimiter).map((path) => join(path, "buildx"));
  const script = `#!${process.execPath}
const { existsSync } = require("node:fs");
const { spawnSync } = require("node:child_process");
const left = ${JSON.stringify(left)}.replaceAll(" ", "\0");
const args = process.argv.slice(2).join("\0").replace(left, "").split("\0");
const real = ${JSON.stringify(real)}.find((path) => existsSync(path));
process.exit(spawnSync(real, args, { stdio: "inherit" }).status ?? 1);
`;
  writeFileSync(join(folder, "buildx"), script);
  chmodSync(join(folder, "buildx"), 0o755);
  return folder;
}

/** A registry with which a commit cannot take BuildKit's note for what it is. */
function keepNotes(real: Registry): Registry {
  return {
    findDigest: (...args) => real.findDigest(...args),
    fetchManifest: async (...args) => rename(await real.fetchManifest(...args)),
    hasBlob: (...args) => real.hasBlob(...args),
    fetchBlob: (...args) => real.fetchBlob(...args),
    putBlob: (...args) => real.putBlob(...args),
    putManifest: (...args) => real.putManifest(...args),
  };
}

function rename(manifest: Manifest | undefined): Manifest | undefined {
  if (manifest === undefined) return undefined;
  const text = manifest.bytes.toString("utf8").replaceAll("buildkit/rewritten-timestamp", "buildkit/renamed");
  return { ...manifest, bytes: Buffer.from(text) };
}

function shuffle<T>(all: readonly T[], random: Random): readonly T[] {
  const left = [...all];
  return all.flatMap(() => left.splice(random.below(left.length), 1));
}
