import { expect, test } from "vitest";
import { cacheArgs, cacheHosts, type CachedBuild } from "../../provider/build-cache";

const build: CachedBuild = {
  repository: { host: "123456789012.dkr.ecr.us-west-2.amazonaws.com", path: "acme/images" },
  platform: "linux/amd64",
  owner: "api",
  compression: "gzip",
};
const place = "123456789012.dkr.ecr.us-west-2.amazonaws.com/acme/images";

test("cache is written in the media types that ECR takes, under a tag that its repositories let move", () => {
  expect(cacheArgs({ to: "main", from: ["pr-12", "main"] }, build)).toEqual([
    "--cache-from",
    `type=registry,"ref=${place}:cache-pr-12-api-amd64"`,
    "--cache-from",
    `type=registry,"ref=${place}:cache-main-api-amd64"`,
    "--cache-to",
    `type=registry,"ref=${place}:cache-main-api-amd64",mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true,compression=gzip`,
  ]);
});

const tagOf = (name: string, more: Partial<CachedBuild> = {}): string =>
  /:([^:"]+)"$/.exec(cacheArgs({ from: [name] }, { ...build, ...more })[1] ?? "")?.[1] ?? "";

test("another image, platform and name is another tag", () => {
  expect(tagOf("main", { owner: "worker", platform: "linux/arm/v7" })).toBe("cache-main-worker-arm-v7");
  expect(tagOf("main", { owner: "" })).toBe("cache-main-amd64");
});

test("what no tag can hold is written otherwise, and stays apart from what looks like it", () => {
  const branch = tagOf("feature/x");
  expect(branch).toMatch(/^cache-feature-x-api-amd64-[0-9a-f]{12}$/);
  expect(branch).not.toBe(tagOf("feature-x"));
  const long = tagOf("main", { owner: "a".repeat(200) });
  expect(long).toMatch(/^cache-main-a+-[0-9a-f]{12}$/);
  expect(long.length).toBeLessThanOrEqual(128);
  expect(long).not.toBe(tagOf("main", { owner: "a".repeat(201) }));
});

test("a repository of its own may hold it", () => {
  const cache = { to: "ghcr.io/acme/cache:main", from: ["localhost:5000/cache:main", "main"], mode: "min" } as const;
  expect(cacheHosts(cache)).toEqual(["ghcr.io", "localhost:5000"]);
  expect(cacheArgs(cache, build).join(" ")).toContain(`"ref=ghcr.io/acme/cache:cache-main-api-amd64",mode=min`);
  expect(cacheArgs(cache, build).join(" ")).toContain(`"ref=localhost:5000/cache:cache-main-api-amd64"`);
});

test("what is not asked for is not there", () => {
  expect(cacheArgs({}, build)).toEqual([]);
});
