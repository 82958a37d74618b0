import { describeStep } from "../sdk/diff";
import { SlipwayError } from "../sdk/error";
import { hashImagePrefixes } from "../sdk/hash";
import { runsOf, type Run } from "../sdk/runs";
import { isDockerfileBase } from "../sdk/spec";
import type { Builder } from "./builder";
import { planAlone } from "./prefix";
import type { PublishRequest } from "./publish";
import type { Registry } from "./registry";

/**
 * Sees to it, before anything is built, that a builder can run what an image's steps run. A BuildKit would find out in
 * the middle, with "exec format error". What a stored prefix has already is not run again.
 *
 * @throws SlipwayError PLATFORM_UNAVAILABLE
 */
export async function checkPlatforms(builder: Builder, registry: Registry, request: PublishRequest): Promise<void> {
  const runs = request.specs.flatMap(runsOf);
  if (runs.length === 0) return;
  const known = await builder.readPlatforms();
  if (known === undefined) return;
  const lacking = runs.filter(({ platform }) => !known.includes(platform));
  const [first] = lacking;
  if (first === undefined || (await isStored(registry, request, lacking))) return;
  const names = [...new Set(lacking.map(({ platform }) => platform))].join(", ");
  const spec = request.specs.find(({ platform }) => platform === first.platform) ?? request.specs[0];
  const what = first.step === undefined ? "the Dockerfile's RUN" : describeStep(first.step);
  const index = first.step === undefined ? -1 : (spec?.steps.indexOf(first.step) ?? -1);
  throw new SlipwayError({
    code: "PLATFORM_UNAVAILABLE",
    text: `building for ${names}: the builder cannot run ${what} there; it runs ${describePlatforms(known)}.`,
    hint: `Add a node of that platform to the builder (docker buildx create --append), or install emulation where it runs (docker run --privileged --rm tonistiigi/binfmt --install ${architectures(lacking)}).`,
    callSite: first.step === undefined ? request.baseCallSite : request.callSites[index],
  });
}

/** Whether the repository has a prefix that has all of these. */
async function isStored(
  registry: Registry,
  { specs, repository, prefixes, signal }: PublishRequest,
  runs: readonly Run[],
): Promise<boolean> {
  const [spec] = specs;
  if (spec === undefined || isDockerfileBase(spec.base)) return false;
  const { kept, stored } = prefixes ?? (await planAlone(registry, repository, specs, signal));
  const last = Math.max(...runs.map(({ number }) => number));
  const counts = [...new Set([...kept, stored])].filter((count) => count >= last);
  const hashes = hashImagePrefixes(specs);
  for (const count of counts) {
    if ((await registry.findDigest(repository, hashes[count] ?? "", signal)) !== undefined) return true;
  }
  return false;
}

/** Without the levels of amd64, which are no platforms of images here. */
function describePlatforms(known: readonly string[]): string {
  const names = known.filter((name) => !name.startsWith("linux/amd64/"));
  return names.length === 0 ? "nothing" : names.join(", ");
}

function architectures(runs: readonly Run[]): string {
  return [...new Set(runs.map(({ platform }) => platform.split("/")[1] ?? ""))].join(",");
}
