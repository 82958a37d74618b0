import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseMirrors } from "../../provider/mirrors";
import { onlyPlace } from "../../provider/place";
import { ImageProgram, type PlainImage } from "../../provider/program";
import { FORMAT } from "../../sdk/spec";
import type { Step } from "../../sdk/step";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const base = "docker.io/library/python:3.11";
const manifest = toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", text: "base" });

let folder = "";
let registry: MemoryRegistry;
let program: ImageProgram;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-program-"));
  writeFileSync(join(folder, "main.py"), "print(1)");
  registry = new MemoryRegistry();
  await registry.putManifest({ host: "localhost:5000", path: "library/python" }, "3.11", manifest);
  registry.requests.length = 0;
  program = new ImageProgram({ folder, registry, mirrors: parseMirrors("docker.io=localhost:5000") });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function imageOf(...steps: readonly Step[]): PlainImage {
  const callSites = steps.map((_, index) => `index.ts:${index + 1}:1`);
  return { spec: { format: FORMAT, base, steps, mounts: [] }, callSites, mountCallSites: [] };
}
const copy: Step = { kind: "copyFile", source: "main.py", destination: "/app/main.py" };

test("an image is resolved to digests and tree hashes, one spec for each platform", async () => {
  const resolved = await program.resolve(imageOf(copy), ["linux/amd64", "linux/arm64"]);
  expect(resolved).toMatchObject({
    base: { reference: base, digests: { "linux/amd64": manifest.digest, "linux/arm64": manifest.digest } },
    isLocked: false,
    steps: [{ ...copy, tree: expect.stringMatching(/^[a-f0-9]{64}$/) }],
    hash: expect.stringMatching(/^[a-f0-9]{64}$/),
  });
  expect(resolved.specs.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
});

test("fifty images of one program ask for their base once, and read a file once", async () => {
  const images = Array.from({ length: 50 }, (_, index) => imageOf(copy, { kind: "workdir", path: `/${index}` }));
  const [first] = await Promise.all(images.map((image) => program.resolve(image, ["linux/amd64"])));
  expect(registry.requests).toEqual(["GET localhost:5000/library/python manifests/3.11"]);
  writeFileSync(join(folder, "main.py"), "print(2)");
  expect((await program.resolve(imageOf(copy), ["linux/amd64"])).steps[0]).toEqual(first?.steps[0]);
});

test("mounts are no part of an image's hash; theirs follows their files", async () => {
  const mounted: PlainImage = {
    ...imageOf(copy),
    spec: { ...imageOf(copy).spec, mounts: [{ kind: "copyDir", source: "src", destination: "/app" }] },
    mountCallSites: ["index.ts:9:1"],
  };
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/a.txt"), "one");
  const [image, before] = await Promise.all([
    program.resolve(mounted, ["linux/amd64"]),
    program.resolveMounts(mounted),
  ]);
  expect(image.hash).toBe((await program.resolve(imageOf(copy), ["linux/amd64"])).hash);
  writeFileSync(join(folder, "src/a.txt"), "two");
  const later = new ImageProgram({ folder, registry, mirrors: parseMirrors("docker.io=localhost:5000") });
  expect((await later.resolve(mounted, ["linux/amd64"])).hash).toBe(image.hash);
  expect((await later.resolveMounts(mounted)).hash).not.toBe(before.hash);
  rmSync(join(folder, "src"), { recursive: true });
  const error = await expectCode(
    new ImageProgram({ folder, registry, mirrors: [] }).resolveMounts(mounted),
    "LOCAL_PATH",
  );
  expect(error.callSite).toBe("index.ts:9:1");
});

test("each hash is looked up once in each repository, in one request", async () => {
  const hash = "a".repeat(64);
  const ask = (repository: string) => program.exists(onlyPlace(registry, repository), hash);
  await Promise.all([ask("localhost:5000/one"), ask("localhost:5000/one"), ask("localhost:5000/other")]);
  expect(await ask("localhost:5000/one")).toEqual({ kind: "missing" });
  expect(registry.requests).toEqual([
    `HEAD localhost:5000/one manifests/${hash}`,
    `HEAD localhost:5000/other manifests/${hash}`,
  ]);
});

test("a registry that batches is asked for all at once", async () => {
  let [now, most] = [0, 0];
  const findDigest = async () => {
    most = Math.max(most, (now += 1));
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    return undefined;
  };
  const ask = (isBatched: boolean) =>
    Array.from({ length: 50 }, (_, index) => {
      const asked = Object.assign(new MemoryRegistry(), { findDigest }, isBatched ? { isBatched: true as const } : {});
      return program.exists(
        onlyPlace(asked, `localhost:5000/${isBatched ? "batched" : "plain"}`),
        String(index).padStart(64, "0"),
      );
    });
  await Promise.all(ask(false));
  expect(most).toBe(16);
  await Promise.all(ask(true));
  expect(most).toBe(50);
});

test("a hash that is stored is known with its digest", async () => {
  const hash = "b".repeat(64);
  await registry.putManifest({ host: "localhost:5000", path: "images" }, hash, manifest);
  const existence = await program.exists(onlyPlace(registry, "localhost:5000/images"), hash);
  expect(existence).toEqual({ kind: "stored", digest: manifest.digest });
});

test("a registry that cannot tell is no error: whether the image exists is unknown, and why", async () => {
  registry.unreachableHosts.add("gone.example");
  expect(await program.exists(onlyPlace(registry, "gone.example/images"), "c".repeat(64))).toEqual({
    kind: "unknown",
    cause: expect.stringContaining("gone.example/images: the registry cannot be reached"),
  });
});

test("a file that is gone is an error at the step's line", async () => {
  rmSync(join(folder, "main.py"));
  const error = await expectCode(program.resolve(imageOf(copy), ["linux/amd64"]), "LOCAL_PATH");
  expect(error.callSite).toBe("index.ts:1:1");
});

test("with a lock the hash is the same, and nothing is asked of a registry", async () => {
  const live = await program.resolve(imageOf(copy), ["linux/amd64", "linux/arm64"]);
  registry.requests.length = 0;
  const lock = program.bases.resolved;
  const locked = new ImageProgram({ folder, registry, mirrors: [], lock });
  expect(await locked.resolve(imageOf(copy), ["linux/amd64", "linux/arm64"])).toEqual({ ...live, isLocked: true });
  expect(registry.requests).toEqual([]);
});
