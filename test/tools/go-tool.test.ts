import { expect, test } from "vitest";
import { readPinnedVersion } from "../../tools/local/go-tool.mjs";

test("every tool's version is read from its go.mod", () => {
  const versions = (["pulumi", "buildkitd", "buildx", "registry", "dockerfile-reader"] as const).map(readPinnedVersion);
  for (const version of versions) expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
  expect(readPinnedVersion("pulumi")).toMatch(/^v3\./);
});
