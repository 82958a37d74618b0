import { beforeEach, describe, expect, test } from "vitest";
import { lookUp } from "../../provider/existence";
import type { Place, Places } from "../../provider/place";
import { placeImage, type PlaceRequest } from "../../provider/place-image";
import { specsOf } from "../../provider/state";
import { SlipwayError } from "../../sdk/error";
import { FakeBuilder } from "../fakes/fake-builder";
import { makeInputs } from "../fakes/image-inputs";
import { noSecrets } from "../fakes/secret-places";
import { MemoryRegistry } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const image = makeInputs();
const hash = image.hash;
const request: PlaceRequest = {
  specs: specsOf(image),
  callSites: [],
  folder: "/home/me/program",
  mirrors: [],
  secretPlaces: noSecrets,
  onProgress: () => undefined,
  signal: new AbortController().signal,
  build: "auto",
};

let registry: MemoryRegistry;
let prepared: string[];
let builds: number;
let european: Place;
let american: Place;
let dev: Place;
let both: Places;
let withSource: Places;
beforeEach(() => {
  registry = new MemoryRegistry();
  prepared = [];
  builds = 0;
  [european, american, dev] = [place("eu-west-1"), place("us-west-2"), place("eu-west-1", "dev")];
  both = { home: european, copies: [american], sources: [] };
  withSource = { home: european, copies: [], sources: [dev] };
});

function place(region: string, account = "prod"): Place {
  const address = { host: `${account}.${region}.example`, path: "images" };
  const prepare = () => Promise.resolve(void prepared.push(`${account} ${region}`));
  return { registry, address, region, prepare };
}

function run(places: Places, more: Partial<PlaceRequest> = {}) {
  const makeBuilder = () => {
    builds += 1;
    return new FakeBuilder(registry);
  };
  return placeImage(places, makeBuilder, { ...request, ...more });
}
const only = ({ address }: Place): Places => ({ home: { registry, address }, copies: [], sources: [] });
const digestAt = ({ address }: Place) => registry.findDigest(address, hash);

describe("several regions", () => {
  test("get one build and the same digest", async () => {
    const placed = await run(both);
    expect(builds).toBe(1);
    expect(placed).toMatchObject({
      reused: false,
      regions: { "eu-west-1": placed.digest, "us-west-2": placed.digest },
    });
    expect(await digestAt(american)).toBe(placed.digest);
    expect(prepared).toEqual(["prod eu-west-1", "prod us-west-2"]);
  });

  test("are left alone where all have it", async () => {
    const { digest } = await run(both);
    registry.requests.length = 0;
    prepared.length = 0;
    const again = await run(both);
    expect(again).toMatchObject({ digest, reused: true, regions: { "eu-west-1": digest, "us-west-2": digest } });
    expect([builds, prepared]).toEqual([1, []]);
    expect(registry.requests.filter((line) => line.startsWith("PUT"))).toEqual([]);
  });

  test.each([
    ["the first", "us-west-2"],
    ["another", "eu-west-1"],
  ])("that lack it get a copy, not a build: %s", async (_which, from) => {
    const emptied = from === "us-west-2" ? european : american;
    const { digest } = await run(both);
    registry.removeTag(emptied.address, hash);
    expect(await lookUp(both, hash)).toEqual({
      kind: "elsewhere",
      digest,
      from,
      lacking: [emptied.region],
      regions: { [from]: digest },
    });
    expect(await run(both)).toMatchObject({ digest, reused: true });
    expect(await digestAt(emptied)).toBe(digest);
    expect(builds).toBe(1);
  });

  test("that have another digest under the hash each keep their own", async () => {
    const first = await run(only(european));
    await run(only(american), { specs: request.specs });
    const top = await registry.fetchManifest(european.address, hash);
    const other = { ...JSON.parse(String(top?.bytes)), annotations: { "io.slipway.hash": hash, built: "elsewhere" } };
    const bytes = Buffer.from(JSON.stringify(other));
    registry.removeTag(american.address, hash);
    await registry.putManifest(american.address, hash, { digest: "", mediaType: other.mediaType, bytes });
    const digest = await digestAt(american);
    expect(digest).not.toBe(first.digest);
    expect(await run(both)).toMatchObject({ regions: { "eu-west-1": first.digest, "us-west-2": digest } });
  });
});

describe("a source", () => {
  test("gives the very bytes that it has, and nothing is built", async () => {
    const { digest } = await run(only(dev));
    expect(await lookUp(withSource, hash)).toEqual({
      kind: "elsewhere",
      digest,
      from: "dev.eu-west-1.example/images",
      lacking: ["eu-west-1"],
    });
    expect(await run(withSource, { build: "never" })).toMatchObject({ digest, reused: true });
    expect(await digestAt(european)).toBe(digest);
    expect(builds).toBe(1);
  });

  test("is not asked when the repository has it", async () => {
    await run(withSource);
    registry.requests.length = 0;
    expect((await lookUp(withSource, hash)).kind).toBe("stored");
    expect(registry.requests.join()).not.toContain("dev.");
  });

  test("that lacks it lets the image be built", async () => {
    expect(await run(withSource)).toMatchObject({ reused: false });
    expect(builds).toBe(1);
  });

  test("that cannot be asked is an error, not a reason to build something else", async () => {
    registry.unreachableHosts.add("dev.eu-west-1.example");
    expect((await lookUp(withSource, hash)).kind).toBe("unknown");
    await expectCode(run(withSource), "REGISTRY_UNAVAILABLE");
    expect(builds).toBe(0);
  });
});

test("with build never, an image that is stored nowhere is an error that says where it was looked for", async () => {
  const error = await expectCode(run(withSource, { build: "never" }), "NOT_STORED");
  expect(error.message).toContain("prod.eu-west-1.example/images, dev.eu-west-1.example/images");
  expect(error.message).toContain("slipway image build");
  expect(builds).toBe(0);
});

test("a copy whose bytes are cut on their way is made again, and a wrong one puts no tag", async () => {
  const { digest } = await run(only(dev));
  let failures = 1;
  registry.onRequest = (line) => {
    if (!line.startsWith("PUT prod.") || !line.includes("blobs/") || failures === 0) return;
    failures -= 1;
    throw new SlipwayError({ code: "REGISTRY_UNAVAILABLE", text: "reset." });
  };
  expect((await run(withSource)).digest).toBe(digest);
  registry.removeTag(european.address, hash);
  failures = Infinity;
  for (const line of registry.requests) {
    const [, blob] = /PUT prod\.\S+ blobs\/(\S+)/.exec(line) ?? [];
    if (blob !== undefined) registry.removeBlob(european.address, blob);
  }
  await expectCode(run(withSource), "REGISTRY_UNAVAILABLE");
  expect(await digestAt(european)).toBeUndefined();
});
