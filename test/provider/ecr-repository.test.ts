import { expect, test } from "vitest";
import { ecrRepository, type EcrByName } from "../../provider/ecr-repository";
import { isRepository } from "../../provider/repository";

test("a repository of ECR is recognised, also when only its shape is left", () => {
  const repository = ecrRepository({ name: "team/images", region: "us-west-2" });
  expect(isRepository(repository)).toBe(true);
  expect(isRepository(JSON.parse(JSON.stringify(repository)))).toBe(true);
});

test.each<[what: string, args: EcrByName, found: string]>([
  ["a name with capitals", { name: "Images" }, `the name "Images" is none that ECR takes`],
  ["a name of one letter", { name: "a" }, `the name "a" is none that ECR takes`],
  ["something that is no region", { name: "images", region: "Oregon" }, `"Oregon" is no region`],
  ["a region twice", { name: "images", regions: ["us-west-2", "us-west-2"] }, "a region is there twice"],
  ["no region at all", { name: "images", regions: [] }, "the list of regions is empty"],
  [
    "region beside regions",
    { name: "images", region: "us-west-2", regions: ["us-west-2"] },
    "region and regions are both given",
  ],
  ["an account that is none", { name: "images", account: "1234" }, `the account "1234" is not 12 digits`],
])("%s is refused at the user's line", (_what, args, found) => {
  expect(() => ecrRepository(args)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      text: expect.stringContaining(found),
      callSite: expect.stringContaining("ecr-repository.test.ts"),
    }),
  );
});

test("an argument that does not exist is refused with those that do", () => {
  const args = { name: "images", regoin: "us-west-2" };
  expect(() => ecrRepository(args)).toThrow(/there is no argument regoin\. Known are name, region/);
});
