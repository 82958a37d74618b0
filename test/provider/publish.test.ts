import { beforeEach, describe, expect, test } from "vitest";
import type { Builder, BuildProgress } from "../../provider/builder";
import { parseMirrors } from "../../provider/mirrors";
import { publishImage, type PublishRequest } from "../../provider/publish";
import { SlipwayError } from "../../sdk/error";
import { hashImage } from "../../sdk/hash";
import type { Platform } from "../../sdk/platform";
import { FORMAT, type ResolvedSpec, type ResolvedStep } from "../../sdk/spec";
import { noSecrets } from "../fakes/secret-places";
import { FakeBuilder } from "../fakes/fake-builder";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const repository = { host: "registry.example", path: "images" };
const base = toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", text: "base" });
const { digest } = base;

let registry: MemoryRegistry;
let builder: FakeBuilder;
beforeEach(() => {
  registry = new MemoryRegistry();
  builder = new FakeBuilder(registry);
});

const specFor = (platform: Platform, steps: readonly ResolvedStep[]): ResolvedSpec => ({
  format: FORMAT,
  platform,
  base: { reference: "docker.io/library/python:3.11", digest },
  steps,
});

function requestFor(more: Partial<PublishRequest> = {}): PublishRequest {
  return {
    specs: [specFor("linux/amd64", [{ kind: "workdir", path: "/app" }])],
    callSites: ["program.ts:1:1"],
    folder: "/nowhere",
    mirrors: [],
    repository,
    secretPlaces: noSecrets,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

const neverBuild = () => ({
  build: () => Promise.reject(new Error("something was built")),
  readPlatforms: () => builder.readPlatforms(),
});
const neverMake = () => {
  throw new Error("a builder was made");
};

test("an image that is stored is taken as it is: no builder is made", async () => {
  const request = requestFor();
  const first = await publishImage(registry, () => builder, request);
  registry.requests.length = 0;
  const again = await publishImage(registry, neverMake, request);
  expect(again).toEqual({ ...first, reused: true });
  expect(first.reused).toBe(false);
  expect(registry.requests).toEqual([`GET registry.example/images manifests/${hashImage(request.specs)}`]);
});

test("an image that is not stored is built once for each platform, and gets its hash as tag last", async () => {
  const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
  const specs = platforms.map((platform) => specFor(platform, [{ kind: "workdir", path: "/app" }]));
  const published = await publishImage(registry, () => builder, requestFor({ specs }));
  const hash = hashImage(specs);
  expect(builder.requests.map(({ spec }) => spec.platform)).toEqual(platforms);
  expect(registry.tags).toEqual([`registry.example/images:${hash}`]);
  expect(await registry.findDigest(repository, hash)).toBe(published.digest);
  const writes = registry.requests.filter((request) => request.startsWith("PUT"));
  expect(writes.at(-1)).toBe(`PUT registry.example/images manifests/${hash}`);
});

describe("FROM", () => {
  test("names the base by digest where its reference says", async () => {
    await publishImage(registry, () => builder, requestFor());
    expect(builder.requests[0]?.from).toBe(`docker.io/library/python@${digest}`);
  });

  const mirrors = parseMirrors("docker.io=localhost:5000");

  test("names the mirror that has the base by its digest, whatever its tags say", async () => {
    await registry.putManifest({ host: "localhost:5000", path: "library/python" }, digest, base);
    await publishImage(registry, () => builder, requestFor({ mirrors }));
    expect(builder.requests[0]?.from).toBe(`localhost:5000/library/python@${digest}`);
  });

  test.each([
    ["does not have it", () => undefined],
    ["cannot be reached", () => registry.unreachableHosts.add("localhost:5000")],
  ])("names the registry itself when the mirror %s", async (_what, spoil) => {
    await registry.putManifest({ host: "docker.io", path: "library/python" }, digest, base);
    spoil();
    await publishImage(registry, () => builder, requestFor({ mirrors }));
    expect(builder.requests[0]?.from).toBe(`docker.io/library/python@${digest}`);
  });

  test("of a base that is nowhere any more is an error that names every place, and nothing is built", async () => {
    const error = await expectCode(publishImage(registry, neverBuild, requestFor({ mirrors })), "BASE_UNAVAILABLE");
    expect(error.text).toContain(`  - localhost:5000/library/python@${digest} does not exist\n`);
    expect(error.text).toContain(`  - docker.io/library/python@${digest} does not exist\n`);
  });
});

test("a build that fails puts no tag, and its error is the builder's", async () => {
  const specs = [specFor("linux/amd64", [{ kind: "run", command: "exit 1" }])];
  const error = await expectCode(
    publishImage(registry, () => builder, requestFor({ specs })),
    "BUILD_FAILED",
  );
  expect(error.callSite).toBe("program.ts:1:1");
  expect(registry.tags).toEqual([]);
});

test("one platform that fails puts no tag for the others", async () => {
  const specs = [specFor("linux/amd64", []), specFor("linux/arm64", [{ kind: "run", command: "exit 1" }])];
  await expectCode(
    publishImage(registry, () => builder, requestFor({ specs })),
    "BUILD_FAILED",
  );
  expect(registry.tags).toEqual([]);
});

describe("several platforms", () => {
  const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
  const specs = platforms.map((platform) => specFor(platform, []));

  test("are built at once, and what is told of one names it", async () => {
    const told: string[] = [];
    let started = 0;
    let allHaveStarted = (): void => undefined;
    const all = new Promise<void>((resolve) => (allHaveStarted = resolve));
    const waiting: Builder = {
      readPlatforms: () => builder.readPlatforms(),
      build: async (request) => {
        started += 1;
        if (started === platforms.length) allHaveStarted();
        await all;
        request.onProgress({ text: "building" });
        return builder.build(request);
      },
    };
    const onProgress = ({ text }: BuildProgress): void => void told.push(text);
    const { platformDigests } = await publishImage(registry, () => waiting, requestFor({ specs, onProgress }));
    expect(Object.keys(platformDigests ?? {})).toEqual(platforms);
    expect(told.slice(0, 2)).toEqual(["linux/amd64: building", "linux/arm64: building"]);
  });

  test("end with the first that fails, whose error names it, and none goes on after it", async () => {
    let hasEnded = false;
    const failing: Builder = {
      readPlatforms: () => builder.readPlatforms(),
      build: async ({ spec, signal }) => {
        if (spec.platform === "linux/arm64")
          throw new SlipwayError({ code: "BUILD_FAILED", text: "building: it failed." });
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        hasEnded = true;
        throw new SlipwayError({ code: "BUILD_CANCELLED", text: "building: it was stopped." });
      },
    };
    const error = await expectCode(
      publishImage(registry, () => failing, requestFor({ specs })),
      "BUILD_FAILED",
    );
    expect(error.text).toBe("linux/arm64: building: it failed.");
    expect(hasEnded).toBe(true);
    expect(registry.tags).toEqual([]);
  });
});

describe("a platform that the builder does not run", () => {
  const platforms: readonly Platform[] = ["linux/amd64", "linux/s390x"];
  const steps: readonly ResolvedStep[] = [
    { kind: "run", command: "make" },
    { kind: "env", variables: { A: "1" } },
    { kind: "copyFile", source: "a", destination: "/etc/a", tree: "0".repeat(64) },
  ];
  const specsOf = (all: readonly ResolvedStep[]) => platforms.map((platform) => specFor(platform, all));

  test("is an error before anything is built, with the line of the step that would run", async () => {
    const request = requestFor({ specs: specsOf(steps), callSites: ["a.ts:1:1", "a.ts:2:1", "a.ts:3:1"] });
    const error = await expectCode(
      publishImage(registry, () => builder, request),
      "PLATFORM_UNAVAILABLE",
    );
    expect(error.message).toBe(
      "building for linux/s390x: the builder cannot run runCommands make there; it runs linux/amd64, linux/arm64. " +
        "Add a node of that platform to the builder (docker buildx create --append), or install emulation where it runs " +
        "(docker run --privileged --rm tonistiigi/binfmt --install s390x).\n    at a.ts:1:1",
    );
    expect(builder.requests).toEqual([]);
    expect(registry.requests.filter((one) => one.startsWith("PUT"))).toEqual([]);
  });

  test("is none where nothing runs, and where the builder does not tell", async () => {
    await publishImage(registry, () => builder, requestFor({ specs: specsOf(steps.slice(1, 2)) }));
    expect(builder.requests).toHaveLength(2);
    builder.platforms = undefined;
    await publishImage(registry, () => builder, requestFor({ specs: specsOf(steps.slice(0, 1)) }));
    expect(builder.requests).toHaveLength(4);
  });

  test.each([
    ["that a program planned", { kept: [1], stored: 1 }],
    ["that nobody planned", undefined],
  ])("is none where a stored prefix %s has all that runs", async (_what, prefixes) => {
    const elsewhere = new FakeBuilder(registry);
    elsewhere.platforms = platforms;
    await publishImage(registry, () => elsewhere, requestFor({ specs: specsOf(steps.slice(0, 1)) }));
    const more = specsOf(steps.slice(0, 2));
    await publishImage(registry, () => builder, requestFor({ specs: more, prefixes }));
    expect(builder.requests.map(({ prefixSteps }) => prefixSteps)).toEqual([1, 1]);
  });
});

test("a registry that cannot be asked is an error before anything is built", async () => {
  registry.unreachableHosts.add("registry.example");
  await expectCode(publishImage(registry, neverMake, requestFor()), "REGISTRY_UNAVAILABLE");
});

test.each([
  ["before anything", 0],
  ["after the build", 1],
])("an update that is stopped %s ends as cancelled, without a tag", async (_when, builds) => {
  const controller = new AbortController();
  if (builds === 0) controller.abort();
  const stopping = {
    readPlatforms: () => builder.readPlatforms(),
    build: async (...args: Parameters<FakeBuilder["build"]>) => {
      const pushed = await builder.build(...args);
      controller.abort();
      return pushed;
    },
  };
  const request = requestFor({ signal: controller.signal });
  await expectCode(
    publishImage(registry, () => stopping, request),
    "BUILD_CANCELLED",
  );
  expect(builder.requests).toHaveLength(builds);
  expect(registry.tags).toEqual([]);
});
