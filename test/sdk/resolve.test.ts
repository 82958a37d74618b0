import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Image } from "../../sdk/image";
import { TreeHashes, resolveSpec, resolveSteps } from "../../sdk/resolve";
import { enterFolder } from "./folder";
import { digestOf } from "./specs";

const copy = { strategy: "copy" } as const;

describe("resolveSteps", () => {
  it("gives steps with local files their tree hash, and leaves the others", async () => {
    const folder = enterFolder({ "src/a": "", "r.txt": "" });
    const image = Image.debianSlim("3.11")
      .pipInstallFromRequirements("r.txt")
      .workdir("/app")
      .addLocalDir("src", "/app", copy);
    const tree = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(await resolveSteps(image.spec, image.callSites, new TreeHashes(folder))).toEqual([
      { kind: "pipRequirements", source: "r.txt", installer: "pip", tree, entry: "r.txt" },
      { kind: "workdir", path: "/app" },
      { kind: "copyDir", source: "src", destination: "/app", tree },
    ]);
  });

  it("reads what several images copy once", async () => {
    const folder = enterFolder({ "src/a": "1" });
    const trees = new TreeHashes(folder);
    const image = Image.debianSlim("3.11").addLocalDir("src", "/app", copy);
    const first = await resolveSteps(image.spec, image.callSites, trees);
    writeFileSync(join(folder, "src/a"), "2");
    const again = Image.base("ubuntu:24.04").addLocalDir(join(folder, "src"), "/app", copy);
    expect(await resolveSteps(again.spec, again.callSites, trees)).toEqual(first);
    expect(await resolveSteps(again.spec, again.callSites, new TreeHashes(folder))).not.toEqual(first);
  });

  it("reports a file that is gone before it was read, at the line of its step", async () => {
    const folder = enterFolder({ "src/a": "1", "src/b": "2", "src/.env": "" });
    const image = Image.debianSlim("3.11").addLocalDir("src", "/app", copy);
    // What was left out is told after the files were listed and before they are read.
    const report = { info: () => rmSync(join(folder, "src/b")) };
    await expect(resolveSteps(image.spec, image.callSites, new TreeHashes(folder), report)).rejects.toMatchObject({
      code: "LOCAL_PATH",
      text: 'addLocalDir("src", …): b: it is not there any more.',
      callSite: expect.stringContaining("resolve.test.ts"),
    });
  });

  it("reports a folder that cannot be an image's at the line of its step", async () => {
    const folder = enterFolder({ "src/a": "", "src/A": "" });
    const image = Image.debianSlim("3.11").addLocalDir("src", "/app", copy);
    await expect(resolveSteps(image.spec, image.callSites, new TreeHashes(folder))).rejects.toThrow(
      /^addLocalDir\("src", …\): .*\n {4}at .*resolve\.test\.ts:\d+:\d+$/,
    );
  });
});

it("a resolved spec keeps the base's name, beside its digest for the platform", () => {
  const { spec } = Image.debianSlim("3.11");
  expect(resolveSpec(spec, [], { platform: "linux/arm64", digest: digestOf("a") })).toEqual({
    format: "image/v2",
    platform: "linux/arm64",
    base: { reference: "docker.io/library/python:3.11-slim-bookworm", digest: digestOf("a") },
    steps: [],
  });
});
