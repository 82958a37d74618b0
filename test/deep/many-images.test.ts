import { expect, test } from "vitest";
import { ImageProgram } from "../../provider/program";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { startEcr } from "../../tools/environment.mjs";
import { startTestRegistry } from "../e2e/registry";
import { endWithFile, makeStack, makeTemporaryFolder, pulumi } from "../e2e/stack";
import { hostOf, PLACE, REGION } from "../integration/ecr-parts";
import { registry as plain } from "../integration/real-parts";
import { countOf, tellCounts } from "./counts";

const count = countOf("DEEP_EXISTING_IMAGES", 500);

test("a preview of 500 images that exist asks ECR five times", { timeout: 10 * 60_000 }, async () => {
  const [registry, ecr] = await Promise.all([startTestRegistry(), startEcr({ root: makeTemporaryFolder() })]);
  endWithFile(ecr.stop);
  const { mirrors } = readSettings({ ...process.env, ...registry.env });
  const resolver = new ImageProgram({ folder: process.cwd(), registry: plain, mirrors });
  await ecr.ask(PLACE, "CreateRepository", { repositoryName: "many" });
  for (let index = 0; index < count; index += 1) {
    const image = Image.debianSlim("3.11").env({ NUMBER: String(index) });
    const { hash } = await resolver.resolve(image, ["linux/amd64"]);
    const put = await ecr.ask(PLACE, "PutImage", {
      repositoryName: "many",
      imageTag: hash,
      imageManifestMediaType: "application/vnd.oci.image.manifest.v1+json",
      imageManifest: JSON.stringify(manifestOf(hash)),
    });
    expect(put.isOk).toBe(true);
  }
  const args = { name: "many", region: REGION, registryHost: hostOf(ecr, PLACE) };
  const program = `import { Image } from "slipway"; import { BuiltImage, ecrRepository } from "slipway/pulumi";
const repository = ecrRepository(${JSON.stringify(args)});
for (let index = 0; index < ${count}; index += 1) {
  new BuiltImage("image-" + index, { image: Image.debianSlim("3.11").env({ NUMBER: String(index) }), repository });
}
`;
  const stack = await makeStack({ "index.ts": program }, { ...registry.env, ...ecr.env });
  const before = ecr.calls.length;
  const startedMs = performance.now();
  const run = await pulumi(stack, "preview");
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const calls = ecr.calls.slice(before).filter((call) => call.startsWith("BatchGetImage"));
  const exist = Object.values(run.lines).filter((lines) => lines.join().includes("exists, nothing to build")).length;
  tellCounts(`many-images: ${exist} of ${count} exist, seen with ${calls.length} calls, preview of ${seconds} s`);
  expect(run.exitCode, run.text).toBe(0);
  expect(exist).toBe(count);
  expect(calls.length).toBeLessThanOrEqual(Math.ceil(count / 100));
});

function manifestOf(hash: string): object {
  const mediaType = "application/vnd.oci.image.config.v1+json";
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType, digest: `sha256:${hash}`, size: 2 },
    layers: [],
    annotations: { "io.slipway.hash": hash },
  };
}
