import { SlipwayError } from "./error";

/** The platforms that BuildKit names, `os/architecture[/variant]`. Windows images are not built. */
export const platforms = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/arm/v6",
  "linux/386",
  "linux/ppc64le",
  "linux/riscv64",
  "linux/s390x",
] as const;

export type Platform = (typeof platforms)[number];

export const DEFAULT_PLATFORM: Platform = "linux/amd64";

/** Checks a list of platforms: known, no two alike; sorted, because their order is no part of an image. */
export function parsePlatforms(names: readonly string[]): readonly Platform[] {
  if (names.length === 0) {
    throw invalid("platforms: the list is empty.");
  }
  const found = names.map((name) => {
    const platform = platforms.find((known) => known === name);
    if (platform === undefined) throw invalid(`platforms: ${JSON.stringify(name)} is not a platform.`);
    return platform;
  });
  return [...new Set(found)].sort();
}

function invalid(text: string): SlipwayError {
  return new SlipwayError({ code: "INVALID_ARGUMENT", text, hint: `Known are ${platforms.join(", ")}.` });
}
