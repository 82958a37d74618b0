import { SlipwayError } from "../sdk/error";
import { formatAddress } from "./ecr-address";
import type { RepositoryAddress } from "./registry";

/**
 * What an immutable tag that was put a second time comes to: nothing where it names the very same.
 *
 * @throws SlipwayError TAG_TAKEN
 */
export function checkTaken(
  repository: RepositoryAddress,
  tag: string,
  digest: string,
  holder: string | undefined,
): void {
  if (holder === digest) return;
  throw new SlipwayError({
    code: "TAG_TAKEN",
    text: `${formatAddress(repository)}:${tag}: the tag is immutable and names ${holder ?? "another image"}, not ${digest}.`,
    hint: "Somebody put another image there. Delete that one, or take it.",
  });
}
