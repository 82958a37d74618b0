import type { LocatedRepository } from "../provider/located";
import { publishPauseImage } from "../provider/pause-image";
import { findReferenceImage } from "../provider/reference-image";
import type { Registries } from "../provider/registries";
import type { WarmContent } from "../provider/warm-manifest";
import { SlipwayError } from "../sdk/error";

/**
 * What nodes are to hold, from one repository: the image of a hash, and the one that sleeps, which is pushed where it is
 * missing.
 *
 * @throws SlipwayError NOT_STORED, and what the repository says
 */
export async function fetchWarmSource(
  hash: string,
  located: LocatedRepository,
  registries: Registries,
): Promise<Pick<WarmContent, "reference" | "architectures" | "pause">> {
  const { repository } = located;
  const { registry, address } = registries.placesOf(located).home;
  const digest = await registry.findDigest(address, hash);
  if (digest === undefined) throw notStored(hash, repository);
  // No mirrors: what a repository of ours holds is nowhere else.
  const image = await findReferenceImage(registry, [], `${repository}@${digest}`);
  const pause = await publishPauseImage(registry, address);
  return { reference: image.ref, architectures: image.architectures, pause: `${repository}@${pause.digest}` };
}

function notStored(hash: string, repository: string): SlipwayError {
  return new SlipwayError({
    code: "NOT_STORED",
    text: `slipway image warm: the repository ${repository} has no image ${hash}.`,
    hint: "Build it first: pulumi up, or slipway image build. slipway image hash FILE#EXPORT prints the hash of today's image.",
  });
}
