import * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { toDockerBuild } from "../../provider/index";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";

let seen: Readonly<Record<string, unknown>> = {};
beforeAll(() =>
  pulumi.runtime.setMocks({
    newResource: ({ inputs, name }) => {
      seen = inputs;
      return { id: `${name}-id`, state: { ...inputs } };
    },
    call: ({ inputs }) => inputs,
  }),
);

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => void output.apply(resolve));
}

const image = Image.debianSlim("3.11").runCommands("true");

test("@pulumi/docker-build takes the arguments and options as they are, and gets the hash as its tag", async () => {
  const { args, opts } = toDockerBuild(image, { repository: "ghcr.io/acme/images" });
  const resource = new dockerBuild.Image("api", args, opts);
  const [tag] = (await valueOf(resource.tags)) ?? [];
  expect(tag).toMatch(/^ghcr\.io\/acme\/images:[0-9a-f]{64}$/);
  expect(opts.retainOnDelete).toBe(true);
  expect(seen["buildOnPreview"]).toBe(false);
  expect(seen["platforms"]).toEqual(["linux/amd64"]);
});

test("the context is a relative folder named by its content, and in a unit test nothing is written", async () => {
  const { args } = toDockerBuild(image, { repository: "ghcr.io/acme/images" });
  const { location } = await valueOf(args.context);
  expect(location).toMatch(/^node_modules\/\.cache\/slipway\/[0-9a-f]{32}\.context$/);
  expect(existsSync(location)).toBe(false);
  const other = toDockerBuild(image.cmd(["true"]), { repository: "ghcr.io/acme/images" });
  expect((await valueOf(other.args.context)).location).not.toBe(location);
});

test("an argument that it does not have, and a platform that nobody knows, are refused at the call", () => {
  // @ts-expect-error There is no such option.
  expect(() => toDockerBuild(image, { tag: "1" })).toThrow(/toDockerBuild\(…\): .*tag/);
  expect(() => toDockerBuild(image, { platform: "windows/amd64" })).toThrow(/windows\/amd64/);
  expect(() => toDockerBuild(image, { platform: "linux/arm/v7" })).toThrow(/has no platform linux\/arm\/v7/);
  expect(() => toDockerBuild(image, { repository: "no repository" })).toThrow(/no repository/);
});

test("secrets are given as a secret Output, empty where there are no values: an undefined one fails that resource", async () => {
  const { args } = toDockerBuild(image.runCommands("true", { secrets: [Secret.fromEnv("TOKEN")] }));
  expect(await pulumi.isSecret(args.secrets)).toBe(true);
  expect(await valueOf(args.secrets)).toEqual({}); // Nobody is asked for values in a unit test.
});

test("the example's program gives that resource its Dockerfile and context, and has its ref", async () => {
  const folder = process.cwd();
  onTestFinished(() => process.chdir(folder));
  process.chdir("examples/docker-build");
  const { ref } = await import("../../examples/docker-build/index.js");
  await valueOf(ref);
  const place = "node_modules/.cache/slipway/";
  expect(seen).toMatchObject({
    context: { location: expect.stringContaining(place) },
    dockerfile: { location: expect.stringContaining(place) },
    push: false,
    tags: [expect.stringMatching(/:[0-9a-f]{64}$/)],
  });
});
