import { expect, test } from "vitest";
import { fetchWarmSource } from "../../cli/warm-source";
import { factsOf } from "../../cli/warm-targets";
import { dockerCredentials } from "../../provider/credentials";
import { ecrRepository } from "../../provider/ecr-repository";
import type { LocatedRepository } from "../../provider/located";
import { locateRepository } from "../../provider/locate";
import { publishPauseImage } from "../../provider/pause-image";
import { Registries } from "../../provider/registries";
import { hostOf, PLACE, REGION, useEcr } from "./ecr-parts";
import { noAwsSettings } from "./ecr-place";

const ecr = useEcr();
const hash = "5".repeat(64);
const connect = () => new Registries(dockerCredentials({ DOCKER_CONFIG: "/nowhere" }));

/** What `pulumi stack export` tells of an image in an ECR repository. */
function exported(located: LocatedRepository): unknown {
  const outputs = { hash, ...located, digest: "sha256:1", sizeBytes: 1 };
  return { deployment: { resources: [{ type: "pulumi-nodejs:dynamic/slipway:BuiltImage", outputs }] } };
}

test("an image of an ECR repository is found by what the stack says of profile, role and endpoint, and what sleeps is pushed there", async () => {
  const { endpoint } = ecr();
  const options = { name: "team/warm", region: REGION, endpoint, registryHost: hostOf(ecr()) };
  const located = await locateRepository(ecrRepository(options), noAwsSettings);
  const { home } = connect().placesOf(located);
  await home.prepare?.();
  // Any image does; this one needs no build.
  const { digest } = await publishPauseImage(home.registry, home.address);
  const manifest = await home.registry.fetchManifest(home.address, digest);
  if (manifest === undefined) throw new Error("it was not pushed");
  await home.registry.putManifest(home.address, hash, manifest);
  await ecr().ask(PLACE, "BatchDeleteImage", { repositoryName: "team/warm", imageIds: [{ imageTag: "pause-v1" }] });

  // Without the stack's word, AWS would be asked where the environment says.
  delete process.env["AWS_ENDPOINT_URL"];
  const facts = factsOf(hash, JSON.parse(JSON.stringify(exported(located))));
  if (facts.located === undefined) throw new Error("the stack has no image");
  const source = await fetchWarmSource(hash, facts.located, connect());
  expect(source).toEqual({
    reference: `${located.repository}@${digest}`,
    architectures: ["amd64", "arm64"],
    pause: `${located.repository}@${digest}`,
  });
  expect(await home.registry.findDigest(home.address, "pause-v1")).toBe(digest);

  const unknown = fetchWarmSource("6".repeat(64), facts.located, connect());
  await expect(unknown).rejects.toThrow(`the repository ${located.repository} has no image ${"6".repeat(64)}.`);
});
