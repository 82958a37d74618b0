import { chmodSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { extract } from "tar-stream";
import { Readable } from "node:stream";
import { publishMounts } from "../../provider/publish-mounts";
import { resolveMounts, TreeHashes } from "../../sdk/resolve";
import { hashMounts } from "../../sdk/hash";
import { Image } from "../../sdk/image";
import { FORMAT, type ImageSpec, type ResolvedMount } from "../../sdk/spec";
import type { Mount } from "../../sdk/step";
import { MemoryRegistry } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";
import { makeFolder } from "../sdk/folder";

const address = { host: "localhost:5000", path: "images" };
const other = { host: "other:5000", path: "images" };
const mounts: readonly Mount[] = [
  { kind: "copyDir", source: "src", destination: "/app/src" },
  { kind: "copyFile", source: "one", destination: "/app/src/extra/one" },
  { kind: "copyFile", source: "one", destination: "/etc/two" },
];

function makeSources(): string {
  const folder = makeFolder({ "src/run": "#!", "src/a/b": "text", "src/empty/": "", one: "1" });
  chmodSync(join(folder, "src", "run"), 0o755);
  symlinkSync("a/b", join(folder, "src", "l"));
  return folder;
}

async function resolveIn(folder: string): Promise<readonly ResolvedMount[]> {
  const spec: ImageSpec = { format: FORMAT, base: "b", steps: [], mounts };
  return resolveMounts(spec, [], new TreeHashes(folder));
}

async function publish(
  registry: MemoryRegistry,
  folder: string,
  resolved?: readonly ResolvedMount[],
  copies = [other],
) {
  const staging = makeFolder();
  const home = { registry, address };
  const places = { home, copies: copies.map((place) => ({ registry, address: place })), sources: [] };
  const digest = await publishMounts(places, {
    mounts: resolved ?? (await resolveIn(folder)),
    callSites: ["index.ts:1:1"],
    folder,
    makeFolder: () => join(staging),
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  return digest;
}

async function entriesOf(registry: MemoryRegistry, digest: string): Promise<Record<string, unknown>[]> {
  const index = await registry.fetchManifest(address, digest);
  const manifests: { manifests: { digest: string; platform: object }[] } = JSON.parse(String(index?.bytes));
  const manifest = await registry.fetchManifest(address, manifests.manifests[0]?.digest ?? "");
  const { layers }: { layers: { digest: string }[] } = JSON.parse(String(manifest?.bytes));
  const entries: Record<string, unknown>[] = [];
  for (const layer of layers) {
    const tar = extract();
    Readable.from([await registry.fetchBlob(address, layer.digest)]).pipe(tar);
    for await (const entry of tar) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
      const { name, mode, type, linkname, uid, mtime } = entry.header;
      expect([uid, mtime?.getTime()]).toEqual([0, 0]);
      entries.push({ name, mode: mode?.toString(8), type, text: linkname ?? Buffer.concat(chunks).toString() });
    }
  }
  return entries;
}

test("mounts become one image under a tag of their own, in every place", async () => {
  const registry = new MemoryRegistry();
  const folder = makeSources();
  const digest = await publish(registry, folder);
  const tag = `mounts-${hashMounts(await resolveIn(folder))}`;
  expect(registry.tags).toEqual([`localhost:5000/images:${tag}`, `other:5000/images:${tag}`]);
  expect(await registry.findDigest(other, tag)).toBe(digest);
});

test("files, exec bits, links and empty folders are in it, below the number of their point, and a list of them", async () => {
  const registry = new MemoryRegistry();
  const entries = await entriesOf(registry, await publish(registry, makeSources()));
  const shown = entries.map(({ name, mode, type, text }) =>
    name === ".slipway/copy"
      ? "x .slipway/copy"
      : `${String(type).at(0)} ${String(mode)} ${String(name)} ${JSON.stringify(text)}`,
  );
  expect(shown).toEqual([
    'd 755 0 ""',
    'd 755 0/a ""',
    'f 644 0/a/b "text"',
    'd 755 0/empty ""',
    's 777 0/l "a/b"',
    'f 755 0/run "#!"',
    'd 755 0 ""',
    'd 755 0/extra ""',
    'f 644 0/extra/one "1"',
    'd 755 1 ""',
    'f 644 1/two "1"',
    'd 755 .slipway ""',
    "x .slipway/copy",
    String.raw`f 644 .slipway/0 "d0\u0000d0/a\u0000f0/a/b\u0000d0/empty\u0000d0/extra\u0000f0/extra/one\u0000l0/l\u0000a/b\u0000x0/run\u0000"`,
    String.raw`f 644 .slipway/1 "d1\u0000f1/two\u0000"`,
  ]);
});

test("the same files have the same digest on every machine", async () => {
  const [one, two] = [makeSources(), makeSources()];
  chmodSync(join(two, "one"), 0o600);
  utimesSync(join(two, "src", "run"), 1, 1);
  const digest = await publish(new MemoryRegistry(), one);
  expect(await publish(new MemoryRegistry(), two)).toBe(digest);
  writeFileSync(join(two, "one"), "2");
  expect(await publish(new MemoryRegistry(), two)).not.toBe(digest);
});

test("what every place has costs one request each, and no file is read", async () => {
  const registry = new MemoryRegistry();
  const folder = makeSources();
  const resolved = await resolveIn(folder);
  const digest = await publish(registry, folder);
  registry.requests.length = 0;
  expect(await publish(registry, "/nowhere", resolved)).toBe(digest);
  expect(registry.requests).toHaveLength(2);
});

test("a file that changed after it was hashed is named, and nothing is tagged or left behind", async () => {
  const registry = new MemoryRegistry();
  const folder = makeSources();
  const resolved = await resolveIn(folder);
  writeFileSync(join(folder, "src", "run"), "#?");
  const error = await expectCode(publish(registry, folder, resolved), "CONTEXT_CHANGED");
  expect(error.message).toContain("src: run changed");
  expect(registry.tags).toEqual([]);
});

test("a file where another mount has a folder is an error with the user's line", async () => {
  const folder = makeFolder({ "src/a/b": "", one: "1" });
  const wrong: readonly Mount[] = [
    { kind: "copyDir", source: "src", destination: "/app" },
    { kind: "copyFile", source: "one", destination: "/app/a" },
  ];
  const spec = { ...Image.base("b").spec, mounts: wrong };
  const resolved = await resolveMounts(spec, [], new TreeHashes(folder));
  const error = await expectCode(publish(new MemoryRegistry(), folder, resolved), "LOCAL_PATH");
  expect(error.message).toContain("one at /app/a: 0/a is a file here and a dir in another mount.");
  expect(readdirSync(folder)).toEqual(["one", "src"]);
});
