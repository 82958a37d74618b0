import { hashMounts } from "../sdk/hash";
import type { ResolvedMount } from "../sdk/spec";

/** The tag of mounts: one of their own, so that rules which remove untagged images leave them alone. */
export function mountTag(mounts: readonly ResolvedMount[]): string {
  return `mounts-${hashMounts(mounts)}`;
}
