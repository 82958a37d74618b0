import { describe, expect, test } from "vitest";
import type { AwsSettings } from "../../provider/aws-settings";
import { ecrRepository } from "../../provider/ecr-repository";
import { locateRepository, type FindEcr } from "../../provider/locate";
import { regionsOf } from "../../provider/located";
import { ociRepository } from "../../provider/repository";
import { expectCode } from "../fakes/registry-contract";

const account = "123456789012";
const nothing: AwsSettings = { region: undefined, profile: undefined, assumeRoles: [] };
const find: FindEcr = ({ account: given = account, region }, name) =>
  Promise.resolve({ account: given, uri: `${given}.dkr.ecr.${region}.amazonaws.com/${name}` });
const locate = (repository: Parameters<typeof locateRepository>[0], aws = nothing) =>
  locateRepository(repository, aws, find);

test("a plain repository is where it says", async () => {
  expect(await locate(ociRepository("ghcr.io/acme/images"))).toEqual({ repository: "ghcr.io/acme/images" });
  const insecure = ociRepository("registry:5000/images", { insecure: true });
  expect(await locate(insecure)).toEqual({ repository: "registry:5000/images", insecure: true });
});

describe("a repository of ECR", () => {
  test("is where the service says, and may be created", async () => {
    expect(await locate(ecrRepository({ name: "images", region: "us-west-2" }))).toEqual({
      repository: `${account}.dkr.ecr.us-west-2.amazonaws.com/images`,
      ecr: { account, region: "us-west-2", create: { scanOnPush: false } },
    });
  });

  test("is built for its first region, the others get copies", async () => {
    const located = await locate(
      ecrRepository({ name: "images", regions: ["us-west-2", "eu-west-1"], create: { scanOnPush: true } }),
    );
    expect(regionsOf(located)).toEqual([
      { region: "us-west-2", repository: `${account}.dkr.ecr.us-west-2.amazonaws.com/images` },
      { region: "eu-west-1", repository: `${account}.dkr.ecr.eu-west-1.amazonaws.com/images` },
    ]);
    expect(located.ecr?.create).toEqual({ scanOnPush: true });
  });

  test("takes region, profile and roles from the stack's config, and its own before them", async () => {
    const aws = { region: "eu-west-1", profile: "stack", assumeRoles: [{ roleArn: "arn:stack" }] };
    const plain = await locate(ecrRepository({ name: "images" }), aws);
    expect(plain.ecr).toMatchObject({ region: "eu-west-1", profile: "stack", assumeRoles: [{ roleArn: "arn:stack" }] });
    const own = ecrRepository({
      name: "images",
      region: "us-east-1",
      profile: "own",
      assumeRole: { roleArn: "arn:own" },
    });
    expect((await locate(own, aws)).ecr).toMatchObject({
      region: "us-east-1",
      profile: "own",
      assumeRoles: [{ roleArn: "arn:own" }],
    });
  });

  test("by its address says account and region itself, and is not created", async () => {
    const url = "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn/team/images";
    expect(await locate(ecrRepository({ url }), { ...nothing, region: "eu-west-1" })).toEqual({
      repository: url,
      ecr: { account: "210987654321", region: "cn-north-1" },
    });
  });

  test("is seen at another host where one is given", async () => {
    const one = ecrRepository({ name: "images", region: "us-west-2", registryHost: "127.0.0.1:5000" });
    expect((await locate(one)).repository).toBe("127.0.0.1:5000/images");
    const each = ecrRepository({
      name: "images",
      region: "us-west-2",
      registryHost: { "us-west-2": "127.0.0.1:5001" },
    });
    expect((await locate(each)).repository).toBe("127.0.0.1:5001/images");
  });

  test("knows where copies may come from", async () => {
    const dev = ecrRepository({ name: "images", region: "us-west-2", account: "210987654321", profile: "dev" });
    const located = await locate(
      ecrRepository({ name: "images", region: "us-west-2", copyFrom: [dev, ociRepository("ghcr.io/acme/images")] }),
    );
    expect(located.ecr?.copyFrom).toMatchObject([
      { repository: "210987654321.dkr.ecr.us-west-2.amazonaws.com/images", ecr: { profile: "dev" } },
      { repository: "ghcr.io/acme/images" },
    ]);
  });

  test("without a region is an error that says where to set one", async () => {
    const error = await expectCode(locate(ecrRepository({ name: "images" })), "INVALID_ARGUMENT");
    expect(error.message).toContain("aws:region");
  });

  test("by an address that is none of ECR's is an error", async () => {
    await expectCode(locate(ecrRepository({ url: "ghcr.io/acme/images" })), "INVALID_ARGUMENT");
  });
});
