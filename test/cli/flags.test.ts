import { expect, test } from "vitest";
import { readPlatforms } from "../../cli/flags";

test("without --platform an image is for linux/amd64", () => {
  expect(readPlatforms(["a.ts"])).toEqual(["linux/amd64"]);
});

test("--platform may be given several times, and with commas", () => {
  const args = ["--platform", "linux/arm64", "a.ts", "--platform=linux/amd64, linux/386", "--json"];
  expect(readPlatforms(args)).toEqual(["linux/386", "linux/amd64", "linux/arm64"]);
});

test("an empty platform is refused", () => {
  expect(() => readPlatforms(["--platform", "linux/amd64,"])).toThrow('platforms: "" is not a platform');
});
