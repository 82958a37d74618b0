import { hashMounts } from "../sdk/hash";
import type { ResolvedMount } from "../sdk/spec";
import type { MountFacts } from "./run";
import type { ImageInputs } from "./state";

const NAMES_TOLD = 4;

/** What an update will do with the mounts of an image that the stack has already: one line, or nothing to do. */
export function explainMounts(
  before: ImageInputs | undefined,
  after: ImageInputs,
  facts: MountFacts | undefined,
): string | undefined {
  if (before === undefined) return undefined;
  const [was, now] = [before.mounts ?? [], after.mounts ?? []];
  if (hashMounts(was) !== hashMounts(now)) {
    const isPushed = now.length > 0 && facts?.existence.kind !== "stored";
    return `mounts: ${describeChange(was, now)}; ${isPushed ? "pushes them" : "nothing to push"}, builds nothing for them`;
  }
  switch (facts?.existence.kind) {
    case "missing":
    case "elsewhere":
      return "the repository does not have the mounts any more; pushes them again";
    case "stored":
    case "unknown":
    case undefined:
      return undefined;
  }
}

function describeChange(was: readonly ResolvedMount[], now: readonly ResolvedMount[]): string {
  const at = (mounts: readonly ResolvedMount[], { destination }: ResolvedMount): ResolvedMount | undefined =>
    mounts.find((mount) => mount.destination === destination);
  const lines = [
    ...now.flatMap((mount) => {
      const old = at(was, mount);
      if (old === undefined) return [`+ ${nameOf(mount)}`];
      return old.tree === mount.tree && old.kind === mount.kind ? [] : [`${nameOf(mount)} changed`];
    }),
    ...was.flatMap((mount) => (at(now, mount) === undefined ? [`- ${nameOf(mount)}`] : [])),
  ];
  if (lines.length === 0) return "another order";
  const more = lines.length > NAMES_TOLD ? ` and ${lines.length - NAMES_TOLD} more` : "";
  return `${lines.slice(0, NAMES_TOLD).join(", ")}${more}`;
}

function nameOf({ kind, source, destination }: ResolvedMount): string {
  return `${source}${kind === "copyDir" && !source.endsWith("/") ? "/" : ""} → ${destination}`;
}
