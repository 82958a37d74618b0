import { beforeEach, describe, expect, test } from "vitest";
import { adoptImage, commitImage } from "../../provider/commit";
import { copyImage } from "../../provider/copy-image";
import type { Manifest, Registry } from "../../provider/registry";
import { SlipwayError } from "../../sdk/error";
import { digestOf, MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const repository = { host: "registry.example", path: "images" };
const hash = "a".repeat(64);
const otherHash = "b".repeat(64);
const mediaType = "application/vnd.oci.image.manifest.v1+json";

let registry: MemoryRegistry;
beforeEach(() => {
  registry = new MemoryRegistry();
});

/** What BuildKit pushes by digest. */
async function push(text: string, more: object = {}): Promise<Manifest> {
  const part = (name: string, bytes: Buffer) => ({
    mediaType: `application/vnd.oci.image.${name}`,
    digest: registry.addBlob(repository, bytes),
    size: bytes.length,
  });
  const manifest = toManifest({
    schemaVersion: 2,
    mediaType,
    config: part("config.v1+json", Buffer.from(`{"of":"${text}"}`)),
    layers: [
      part("layer.v1.tar+gzip", Buffer.from("the base's layer")),
      {
        ...part("layer.v1.tar+gzip", Buffer.from(`layer of ${text}`)),
        annotations: { "buildkit/rewritten-timestamp": "0" },
      },
    ],
    ...more,
  });
  await registry.putManifest(repository, manifest.digest, manifest);
  return manifest;
}

const commit = (digest: string) => commitImage(registry, repository, hash, [{ platform: "linux/amd64", digest }]);

async function readTag(tag = hash): Promise<Record<string, unknown>> {
  const manifest = await registry.fetchManifest(repository, tag);
  return JSON.parse(manifest?.bytes.toString("utf8") ?? "null");
}

describe("one platform", () => {
  test("the tag names what was pushed, with the hash as annotation and without BuildKit's note", async () => {
    const pushed = await push("app");
    const stored = await commit(pushed.digest);
    const content = JSON.parse(pushed.bytes.toString("utf8"));
    const [base, layer] = content.layers;
    delete layer.annotations;
    expect(await readTag()).toEqual({ ...content, layers: [base, layer], annotations: { "io.slipway.hash": hash } });
    expect(stored).toEqual({
      digest: await registry.findDigest(repository, hash),
      sizeBytes: [content.config, base, layer].reduce((sum, { size }) => sum + Number(size), 0),
    });
  });

  test("other annotations stay, of the manifest and of its layers", async () => {
    const layers = [
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: registry.addBlob(repository, Buffer.from("l")),
        size: 1,
        annotations: { "buildkit/rewritten-timestamp": "0", kept: "yes" },
      },
    ];
    const pushed = await push("app", { layers, annotations: { own: "too" } });
    await commit(pushed.digest);
    const content = await readTag();
    expect(content["annotations"]).toEqual({ own: "too", "io.slipway.hash": hash });
    expect(content["layers"]).toEqual([{ ...layers[0], annotations: { kept: "yes" } }]);
  });

  test("a build with BuildKit's note and one without give one digest", async () => {
    const full = await push("app");
    const first = await commit(full.digest);
    const content = JSON.parse(full.bytes.toString("utf8"));
    for (const layer of content.layers) delete layer.annotations;
    const prefixed = toManifest(content);
    await registry.putManifest(repository, prefixed.digest, prefixed);
    registry.removeTag(repository, hash);
    expect(prefixed.digest).not.toBe(full.digest);
    expect(await commit(prefixed.digest)).toEqual(first);
  });

  test("every blob is looked for before the tag is put, and the tag is the last thing written", async () => {
    const pushed = await push("app");
    registry.requests.length = 0;
    await commit(pushed.digest);
    const [, config = "", base = "", layer = ""] =
      /config.*?(sha256:\w+).*?(sha256:\w+).*?(sha256:\w+)/.exec(pushed.bytes.toString()) ?? [];
    const place = "registry.example/images";
    expect(registry.requests).toEqual([
      `GET ${place} manifests/${pushed.digest}`,
      `HEAD ${place} blobs/${config}`,
      `HEAD ${place} blobs/${base}`,
      `HEAD ${place} blobs/${layer}`,
      `GET ${place} manifests/${hash}`,
      `PUT ${place} manifests/${hash}`,
      `GET ${place} manifests/${hash}`,
    ]);
  });

  test.each([
    ["config", 0],
    ["layer", 2],
  ])("a %s that is gone is an error, and no tag is put", async (_what, index) => {
    const pushed = await push("app");
    const digest = [...pushed.bytes.toString().matchAll(/"digest":"(sha256:\w+)"/g)][index]?.[1] ?? "";
    registry.removeBlob(repository, digest);
    const error = await expectCode(commit(pushed.digest), "REGISTRY_ANSWER");
    expect(error.message).toContain(
      `registry.example/images: ${digest} was pushed and is not there, so no tag was put.`,
    );
    expect(registry.tags).toEqual([]);
  });

  test("a build that the registry does not have is an error, and no tag is put", async () => {
    const digest = digestOf(Buffer.from("never pushed"));
    const error = await expectCode(commit(digest), "REGISTRY_ANSWER");
    expect(error.message).toContain(`${digest} was pushed and is not there`);
    expect(registry.tags).toEqual([]);
  });

  test("a tag that is taken and not kept is an error", async () => {
    const pushed = await push("app");
    let puts = 0;
    registry.onRequest = (request) => {
      if (request.startsWith("PUT")) puts += 1;
      if (puts > 0 && request.startsWith("GET")) registry.removeTag(repository, hash);
    };
    const error = await expectCode(commit(pushed.digest), "REGISTRY_ANSWER");
    expect(error.message).toContain(`${hash}: the registry took the tag and does not know it.`);
  });
});

describe("somebody else was faster", () => {
  test("the loser takes the winner's image and puts nothing", async () => {
    const winner = await push("winner", { annotations: { "io.slipway.hash": hash } });
    const loser = await push("loser");
    await registry.putManifest(repository, hash, winner);
    registry.requests.length = 0;
    expect((await commit(loser.digest)).digest).toBe(winner.digest);
    expect(registry.requests.filter((request) => request.startsWith("PUT"))).toEqual([]);
  });

  test("whoever finds an immutable tag taken takes what it names", async () => {
    const winner = await push("winner", { annotations: { "io.slipway.hash": hash } });
    const loser = await push("loser");
    await registry.putManifest(repository, "winner", winner);
    const immutable: Registry = {
      findDigest: (...args) => registry.findDigest(...args),
      fetchManifest: (...args) => registry.fetchManifest(...args),
      fetchBlob: (...args) => registry.fetchBlob(...args),
      hasBlob: (...args) => registry.hasBlob(...args),
      putBlob: (...args) => registry.putBlob(...args),
      putManifest: async () => {
        await registry.putManifest(repository, hash, winner);
        throw new SlipwayError({ code: "TAG_TAKEN", text: "the tag is immutable." });
      },
    };
    const stored = await commitImage(immutable, repository, hash, [{ platform: "linux/amd64", digest: loser.digest }]);
    expect(stored.digest).toBe(winner.digest);
  });

  test("of two at the same moment both name what the tag names in the end", async () => {
    const winner = await push("winner", { annotations: { "io.slipway.hash": hash } });
    const loser = await push("loser");
    let hasPut = false;
    registry.onRequest = (request) => {
      if (!request.startsWith("PUT") || hasPut) return;
      hasPut = true;
      // Both saw no tag; the other one's put comes right after ours.
      queueMicrotask(() => void registry.putManifest(repository, hash, winner));
    };
    expect((await commit(loser.digest)).digest).toBe(await registry.findDigest(repository, hash));
  });

  test("a tag that holds another hash's image is an error, and stays", async () => {
    const wrong = await push("wrong", { annotations: { "io.slipway.hash": otherHash } });
    const pushed = await push("app");
    await registry.putManifest(repository, hash, wrong);
    const error = await expectCode(commit(pushed.digest), "HASH_MISMATCH");
    expect(error.message).toBe(
      `registry.example/images:${hash}: this tag holds the image of another hash, ${otherHash}. ` +
        "Somebody moved the tag. Delete it, and the image is built again.",
    );
    expect(await registry.findDigest(repository, hash)).toBe(wrong.digest);
  });
});

describe("several platforms", () => {
  const platforms = ["linux/amd64", "linux/arm/v7"] as const;

  test("the tag names an index of annotated manifests, whatever the order of the builds", async () => {
    const builds = [];
    for (const platform of platforms) builds.push({ platform, digest: (await push(platform)).digest });
    const stored = await commitImage(registry, repository, hash, builds);
    const index = await readTag();
    expect(index["mediaType"]).toBe("application/vnd.oci.image.index.v1+json");
    expect(index["annotations"]).toEqual({ "io.slipway.hash": hash });
    const { manifests }: { manifests?: { digest: string; size: number; platform: object }[] } = index;
    expect(manifests?.map(({ platform }) => JSON.stringify(platform)).sort()).toEqual([
      '{"architecture":"amd64","os":"linux"}',
      '{"architecture":"arm","os":"linux","variant":"v7"}',
    ]);
    for (const { digest, size } of manifests ?? []) {
      const child = await registry.fetchManifest(repository, digest);
      expect(child?.bytes.length).toBe(size);
      expect(JSON.parse(child?.bytes.toString() ?? "").annotations).toEqual({ "io.slipway.hash": hash });
    }
    const digestOfPlatform = (architecture: string) =>
      manifests?.find(({ platform }) => JSON.stringify(platform).includes(`"${architecture}"`))?.digest;
    const platformDigests = { "linux/amd64": digestOfPlatform("amd64"), "linux/arm/v7": digestOfPlatform("arm") };
    expect(stored.platformDigests).toEqual(platformDigests);
    registry.removeTag(repository, hash);
    expect(await commitImage(registry, repository, hash, [...builds].reverse())).toEqual(stored);
    const copied = await copyImage({
      from: { registry, address: repository },
      to: { registry: new MemoryRegistry(), address: { host: "other.example", path: "images" } },
      hash,
    });
    expect(copied).toEqual(stored);
  });

  test("its size is that of all its images, not of the index", async () => {
    const sizes = [];
    const builds = [];
    for (const platform of platforms) {
      const pushed = await push(platform);
      builds.push({ platform, digest: pushed.digest });
      const { config, layers } = JSON.parse(pushed.bytes.toString());
      sizes.push(...[config, ...layers].map(({ size }) => Number(size)));
    }
    const { sizeBytes } = await commitImage(registry, repository, hash, builds);
    expect(sizeBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test("a child that is lost is an error, and no tag is put", async () => {
    const pushed = await push("app");
    const lost = digestOf(Buffer.from("lost"));
    const builds = [
      { platform: "linux/amd64" as const, digest: pushed.digest },
      { platform: "linux/arm64" as const, digest: lost },
    ];
    await expectCode(commitImage(registry, repository, hash, builds), "REGISTRY_ANSWER");
    expect(registry.tags).toEqual([]);
  });
});

describe("adopting", () => {
  test("a hash that nobody put is not there", async () => {
    expect(await adoptImage(registry, repository, hash)).toBeUndefined();
  });

  test("an image without our annotation is taken: the tag is the hash", async () => {
    const pushed = await push("app");
    await registry.putManifest(repository, hash, pushed);
    expect((await adoptImage(registry, repository, hash))?.digest).toBe(pushed.digest);
  });

  test("what is no manifest is an error", async () => {
    const bytes = Buffer.from("<html>");
    await registry.putManifest(repository, hash, { digest: digestOf(bytes), mediaType: "text/html", bytes });
    await expectCode(adoptImage(registry, repository, hash), "REGISTRY_ANSWER");
  });
});

test("two commits of different bytes that cross on tags that may move end with one digest", async () => {
  const [first, second] = [await push("one build"), await push("another build")];
  const slow = slowly(registry);
  const commitSlowly = async (afterMs: number, { digest }: Manifest) => {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    return commitImage(slow, repository, hash, [{ platform: "linux/amd64", digest }]);
  };
  const stored = await Promise.all([commitSlowly(0, first), commitSlowly(10, second)]);
  expect(stored[0].digest).toBe(stored[1].digest);
});

test("a copy and a commit of different bytes that cross on tags that may move end with one digest", async () => {
  const elsewhere = { host: "other.example", path: "images" };
  const [mine, theirs] = [await push("one build"), await push("another build")];
  for (const [, digest = ""] of theirs.bytes.toString().matchAll(/"digest":"(sha256:\w+)"/g)) {
    registry.addBlob(elsewhere, (await registry.fetchBlob(repository, digest)) ?? Buffer.from(""));
  }
  await registry.putManifest(elsewhere, hash, theirs);
  const slow = slowly(registry);
  const copied = copyImage({
    from: { registry, address: elsewhere },
    to: { registry: slow, address: repository },
    hash,
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const built = commitImage(slow, repository, hash, [{ platform: "linux/amd64", digest: mine.digest }]);
  expect((await copied).digest).toBe((await built).digest);
});

/** Puts of manifests take a while, so that others look before they are done. */
function slowly(target: MemoryRegistry): MemoryRegistry {
  return new Proxy(target, {
    get: (of, name) => {
      const value = Reflect.get(of, name);
      if (typeof value !== "function") return value;
      if (name !== "putManifest") return value.bind(of);
      return async (...args: Parameters<Registry["putManifest"]>) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await of.putManifest(...args);
      };
    },
  });
}
