import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makePauseImage, PAUSE_TAG, publishPauseImage } from "../../provider/pause-image";
import binaries from "../../provider/pause/binaries.json";
import { assemble } from "../../tools/pause.mjs";
import { hasAssemblers } from "../fakes/assemblers";
import { MemoryRegistry } from "../fakes/memory-registry";

const repository = { host: "localhost:5000", path: "images" };

test("the image that sleeps is the same everywhere: another digest needs another tag", async () => {
  expect([PAUSE_TAG, (await makePauseImage()).index.digest]).toEqual([
    "pause-v1",
    "sha256:782f4fd3072ea6407d81d3d13f0b0e76909be2832eab4201b40e130008f9574b",
  ]);
});

test("it is pushed once for each repository", async () => {
  const registry = new MemoryRegistry();
  const first = await publishPauseImage(registry, repository);
  expect(first.reused).toBe(false);
  expect(registry.tags).toEqual(["localhost:5000/images:pause-v1"]);
  registry.requests.length = 0;
  expect(await publishPauseImage(registry, repository)).toEqual({ digest: first.digest, reused: true });
  expect(registry.requests).toEqual(["HEAD localhost:5000/images manifests/pause-v1"]);
});

test.skipIf(!hasAssemblers)(
  "the shipped bytes are those of the source (needs binutils for both architectures)",
  async () => {
    expect(await assemble("pause")).toEqual(binaries);
  },
);

const architecture = process.arch === "arm64" ? "arm64" : "amd64";

function writePause(): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-pause-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "pause");
  writeFileSync(path, Buffer.from(binaries[architecture], "base64"), { mode: 0o755 });
  return path;
}

test.skipIf(process.platform !== "linux")("it sleeps until it is asked to end, and ends well", async () => {
  const child = spawn(writePause());
  await once(child, "spawn");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(child.exitCode).toBeNull();
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
});

test.skipIf(process.platform !== "linux")("with a path it writes itself there, and the copy runs", () => {
  const path = writePause();
  execFileSync(path, [`${path}-copy`]);
  expect(readFileSync(`${path}-copy`)).toEqual(readFileSync(path));
  execFileSync(`${path}-copy`, [`${path}-copy-2`]);
  expect(spawnSync(path, ["/nowhere/pause"]).status).toBe(1);
});
