import { describe, expect, it } from "vitest";
import { DEFAULT_PLATFORM, parsePlatforms } from "../../sdk/platform";
import { sentencesOf } from "./errors";

const hint =
  "Known are linux/amd64, linux/arm64, linux/arm/v7, linux/arm/v6, linux/386, linux/ppc64le, linux/riscv64, linux/s390x.";

describe("parsePlatforms", () => {
  it("sorts, and takes one of each", () => {
    expect(parsePlatforms(["linux/arm64", "linux/amd64", "linux/arm64"])).toEqual(["linux/amd64", "linux/arm64"]);
  });

  it.each(["amd64", "linux/AMD64", "windows/amd64", ""])("refuses %j", (name) => {
    expect(sentencesOf(() => parsePlatforms([name]))).toBe(
      `platforms: ${JSON.stringify(name)} is not a platform. ${hint}`,
    );
  });

  it("refuses an empty list", () => {
    expect(sentencesOf(() => parsePlatforms([]))).toBe(`platforms: the list is empty. ${hint}`);
  });
});

it("the default platform is no host's", () => {
  expect(DEFAULT_PLATFORM).toBe("linux/amd64");
});
