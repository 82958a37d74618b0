import { beforeEach, describe, expect, test } from "vitest";
import { applyImage, readImage, type ApplyContext } from "../../provider/apply";
import { parseMirrors } from "../../provider/mirrors";
import { onlyPlace } from "../../provider/place";
import type { RunFacts } from "../../provider/run";
import { specsOf } from "../../provider/state";
import { publishImage } from "../../provider/publish";
import { SharedBuilds } from "../../provider/shared-builds";
import { parseRepository } from "../../sdk/reference";
import { noSecrets } from "../fakes/secret-places";
import { FakeBuilder } from "../fakes/fake-builder";
import { makeInputs, toProps } from "../fakes/image-inputs";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";
import { makeFolder } from "../sdk/folder";

const base = toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", text: "base" });
const image = makeInputs({
  base: { reference: "docker.io/library/python:3.11", digests: { "linux/amd64": base.digest } },
});
const repository = parseRepository(image.repository);
const props = { ...toProps(image), __urn: "urn:one", __provider: "text" };
const facts: RunFacts = {
  folder: "/home/me/program",
  callSites: ["index.ts:3:5", ""],
  existence: { kind: "missing" },
  repository: "localhost:5000/images",
  isLocked: false,
  mirrors: parseMirrors("docker.io=localhost:5000"),
  builder: { kind: "name", name: "mine" },
  build: "auto",
};

let registry: MemoryRegistry;
let builder: FakeBuilder;
let lines: string[];
let choices: object[];
let limited: object[];
let context: ApplyContext;
beforeEach(async () => {
  registry = new MemoryRegistry();
  await registry.putManifest({ host: "localhost:5000", path: "library/python" }, base.digest, base);
  registry.requests.length = 0;
  builder = new FakeBuilder(registry);
  lines = [];
  choices = [];
  limited = [];
  const note = (kind: string) => (text: string) => void lines.push(`${kind}: ${text}`);
  context = {
    placesOf: () => onlyPlace(registry, image.repository),
    bases: registry,
    makeBuilder: (choice) => {
      choices.push(choice);
      return builder;
    },
    placesFor: () => noSecrets,
    factsOf: () => facts,
    logFor: () => ({ info: note("info"), warn: note("warn"), error: note("error"), status: note("status") }),
    makeFolder: () => makeFolder(),
    shared: new SharedBuilds(),
    limitOf: (choice) => (work) => {
      limited.push(choice);
      return work();
    },
    signal: new AbortController().signal,
  };
});

describe("create and update", () => {
  test("build what is not stored, with the builder, base and lines of this run", async () => {
    const { id, outs } = await applyImage(context, props);
    expect(id).toBe(image.hash);
    const digest = await registry.findDigest(repository, image.hash);
    expect(outs).toEqual({
      ...props,
      digest,
      sizeBytes: expect.any(Number),
      reused: false,
    });
    expect(choices).toEqual([facts.builder]);
    expect(new Set(limited)).toEqual(new Set([facts.builder]));
    expect(builder.requests[0]).toMatchObject({
      folder: facts.folder,
      callSites: ["index.ts:3:5", undefined],
      from: `localhost:5000/library/python@${base.digest}`,
      repository,
    });
  });

  test("take what is stored, without a builder", async () => {
    const first = await applyImage(context, props);
    choices.length = 0;
    const again = await applyImage(context, props);
    expect(again).toEqual({ ...first, outs: { ...first.outs, reused: true } });
    expect(choices).toEqual([]);
  });

  test("show what happens on the resource's line", async () => {
    await applyImage(context, props);
    expect(lines.slice(0, -1)).toEqual([
      "status: building 1/2: workdir",
      "status: building 2/2: pip",
      "status: checking what was pushed, putting the tag",
    ]);
  });

  test("refuse a hash that is not its spec's, before anything is asked", async () => {
    const wrong = { ...props, hash: makeInputs({ steps: [] }).hash };
    await expectCode(applyImage(context, wrong), "HASH_MISMATCH");
    expect(registry.requests).toEqual([]);
  });

  test("refuse inputs that are no image's", async () => {
    await expectCode(applyImage(context, { ...props, spec: undefined }), "HASH_MISMATCH");
  });
});

test("an image for several platforms has each one's digest: built, adopted and read again", async () => {
  const digests = { "linux/amd64": base.digest, "linux/arm64": base.digest };
  const inputs = makeInputs({
    platforms: ["linux/amd64", "linux/arm64"],
    base: { reference: "docker.io/library/python:3.11", digests },
  });
  const both = { ...toProps(inputs), __urn: "urn:one", __provider: "text" };
  const { outs } = await applyImage(context, both);
  const index = await registry.fetchManifest(repository, inputs.hash);
  const { manifests }: { manifests: { digest: string; platform: { architecture: string } }[] } = JSON.parse(
    index?.bytes.toString() ?? "",
  );
  const listed = manifests.map(({ digest, platform }) => [`linux/${platform.architecture}`, digest]);
  expect(listed).toHaveLength(2);
  expect(outs["platformDigests"]).toEqual(Object.fromEntries(listed));
  expect((await applyImage(context, both)).outs).toEqual({ ...outs, reused: true });
  const { props: read } = await readImage(context, inputs.hash, both);
  expect(read["platformDigests"]).toEqual(outs["platformDigests"]);
});

describe("read", () => {
  const read = (more: object = {}) => readImage(context, image.hash, { ...props, ...more });

  test("gives what the repository has", async () => {
    const { outs } = await applyImage(context, props);
    const { digest, sizeBytes } = outs;
    const stored = { ...props, digest, sizeBytes };
    expect(await read({ digest: "sha256:old" })).toEqual({ id: image.hash, props: stored });
  });

  test("drops the state of an image that the repository says is not there", async () => {
    expect(await read()).toEqual({ id: "", props: {} });
  });

  test.each(["unreachableHosts", "deniedHosts"] as const)("keeps the state and warns: %s", async (hosts) => {
    registry[hosts].add(repository.host);
    expect(await read()).toEqual({ id: image.hash, props });
    expect(lines).toEqual([
      expect.stringMatching(/^warn: kept as it is, since the repository could not tell: localhost:5000/),
    ]);
  });

  test("keeps the state where the tag holds another hash's image, and warns", async () => {
    const other = makeInputs({ steps: [] });
    const request = {
      specs: specsOf(other),
      callSites: [],
      folder: "/",
      mirrors: [],
      repository,
      secretPlaces: noSecrets,
    };
    await publishImage(registry, () => builder, { ...request, onProgress: () => undefined, signal: context.signal });
    const manifest = await registry.fetchManifest(repository, other.hash);
    if (manifest === undefined) throw new Error("it was not published");
    await registry.putManifest(repository, image.hash, manifest);
    expect(await read()).toEqual({ id: image.hash, props });
    expect(lines.at(-1)).toContain("this tag holds the image of another hash");
  });

  test("keeps what another version of Slipway wrote", async () => {
    const newer = { ...props, spec: JSON.stringify({ ...image, format: "image/v99" }) };
    expect(await readImage(context, image.hash, newer)).toEqual({ id: image.hash, props: newer });
    expect(registry.requests).toEqual([]);
  });
});
