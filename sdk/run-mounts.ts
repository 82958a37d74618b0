import { parseDockerfile } from "./dockerfile-parser";

/**
 * Adds mounts to each RUN of a Dockerfile, for what a builder needs and an image does not: BuildKit shows no mount in
 * an image's history, and leaves none of its places in a layer. Lines keep their numbers.
 *
 * @param mounts for example `type=secret,id=ca,target=/run/ca.pem`.
 */
export function addRunMounts(dockerfile: string, mounts: readonly string[]): string {
  const parsed = parseDockerfile(dockerfile);
  if (parsed.kind === "broken" || mounts.length === 0) return dockerfile;
  const runs = new Set(parsed.instructions.filter(({ keyword }) => keyword === "RUN").map(({ line }) => line));
  const flags = mounts.map((mount) => ` --mount=${mount}`).join("");
  const lines = dockerfile.split("\n");
  return lines.map((text, index) => (runs.has(index + 1) ? text.replace(/^\s*RUN/i, `$&${flags}`) : text)).join("\n");
}
