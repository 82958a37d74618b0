import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkLock, updateLock, type LockRequest, type Upgrade } from "../../provider/lock-update";
import type { PlainImage } from "../../provider/program";
import { formatLock, parseLock, type Lock } from "../../sdk/lock";
import type { Platform } from "../../sdk/platform";
import { FORMAT } from "../../sdk/spec";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const hub = { host: "docker.io", path: "library/python" };
const reference = "docker.io/library/python:3.11";
const other = "docker.io/library/python:3.12";

let folder = "";
let registry: MemoryRegistry;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-update-"));
  registry = new MemoryRegistry();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Pushes a version of a base, an index for these architectures, and gives what a lock has of it. */
async function push(tag: string, version: string, architectures: readonly string[]): Promise<Lock["bases"][string]> {
  const env = [`VERSION=${version}`];
  const blob = registry.addBlob(hub, Buffer.from(JSON.stringify({ config: { Env: env } })));
  const manifests = architectures.map((architecture) => {
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    return { architecture, manifest: toManifest({ mediaType, architecture, config: { digest: blob } }) };
  });
  for (const { manifest } of manifests) await registry.putManifest(hub, manifest.digest, manifest);
  const index = toManifest({
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: manifests.map(({ architecture, manifest }) => ({
      digest: manifest.digest,
      platform: { os: "linux", architecture },
    })),
  });
  await registry.putManifest(hub, tag, index);
  const platforms = manifests.map(({ architecture, manifest }) => [
    `linux/${architecture}`,
    { digest: manifest.digest, config: { env, onbuild: [] } },
  ]);
  return { digest: index.digest, platforms: Object.fromEntries(platforms) };
}

const path = () => join(folder, "images.lock.json");
const write = (lock: Lock) => writeFileSync(path(), formatLock(lock));
const read = () => parseLock(readFileSync(path(), "utf8"), "images.lock.json");
function requestFor(bases: readonly string[], platforms: readonly Platform[] = ["linux/amd64"]): LockRequest {
  const images = bases.map((base): PlainImage => ({
    spec: { format: FORMAT, base, steps: [], mounts: [] },
    callSites: [],
    mountCallSites: [],
  }));
  return { folder, images, platforms, registry, mirrors: [] };
}

test.each<[string, Upgrade]>([
  ["all", "all"],
  ["one", [reference]],
])("an upgrade of %s takes a base as it is now with all platforms and configs that were locked", async (_name, how) => {
  write({ bases: { [reference]: await push("3.11", "1", ["amd64", "arm64"]) } });
  const now = await push("3.11", "2", ["amd64", "arm64", "s390x"]);
  const { "linux/amd64": amd64, "linux/arm64": arm64 } = now.platforms;
  await updateLock(requestFor([]), how);
  expect(read()).toEqual({
    bases: { [reference]: { ...now, platforms: { "linux/amd64": amd64, "linux/arm64": arm64 } } },
  });
});

test("an upgrade of one leaves the others, and adds what an image needs", async () => {
  const [old, added] = [await push("3.11", "1", ["amd64"]), await push("3.12", "1", ["amd64"])];
  write({ bases: { [reference]: old } });
  await push("3.11", "2", ["amd64"]);
  await updateLock(requestFor([reference, other]), [other]);
  const { digest = "" } = added.platforms["linux/amd64"] ?? {};
  const expected = { digest: added.digest, platforms: { "linux/amd64": { digest } } };
  expect(read().bases).toEqual({ [reference]: old, [other]: expected });
});

test("an upgrade takes a base of which only the reference's own digest is locked", async () => {
  const { digest } = await push("3.11", "1", ["amd64"]);
  write({ bases: { [reference]: { digest, platforms: {} } } });
  const now = await push("3.11", "2", ["amd64"]);
  await updateLock(requestFor([]), "all");
  expect(read().bases).toEqual({ [reference]: { digest: now.digest, platforms: {} } });
});

test("an upgrade to a version that lacks a locked platform is an error, and nothing is written", async () => {
  const before: Lock = {
    bases: { [reference]: await push("3.11", "1", ["amd64", "arm64"]), [other]: await push("3.12", "1", ["amd64"]) },
  };
  write(before);
  await push("3.11", "2", ["amd64"]);
  await push("3.12", "2", ["amd64"]);
  const error = await expectCode(updateLock(requestFor([]), "all"), "BASE_UNAVAILABLE");
  expect(error.text).toContain("it has no image for linux/arm64");
  expect(read()).toEqual(before);
});

test("an upgrade of a base that is neither locked nor used is an error", async () => {
  write({ bases: { [reference]: await push("3.11", "1", ["amd64"]) } });
  await expectCode(updateLock(requestFor([reference]), [other]), "USAGE");
});

test("a check names what every image lacks, and asks nobody", async () => {
  write({ bases: { [reference]: await push("3.11", "1", ["amd64"]) } });
  const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
  const { missing } = await checkLock(requestFor([other, reference], platforms));
  expect(missing).toEqual([`${reference} for linux/arm64`, `${other} for linux/amd64`, `${other} for linux/arm64`]);
  expect((await checkLock(requestFor([reference]))).missing).toEqual([]);
  expect(registry.requests.filter((request) => request.startsWith("GET"))).toEqual([]);
});
