import * as pulumi from "@pulumi/pulumi";
import type { Image } from "../sdk/image";
import { describeLeftOut, mountPoints } from "../sdk/mount";
import type { Existence } from "./existence";
import type { LocatedRepository } from "./located";
import type { ImageMounts, PushedMounts } from "./mount-source";
import type { ResolvedMounts } from "./program";
import { mountTag } from "./publish-mounts";
import type { Program } from "./pulumi-program";
import { resourceLog } from "./resource-log";
import type { MountFacts } from "./run";

/** What the program knows of a BuiltImage's mounts. */
export interface MountPlan {
  readonly resolved: pulumi.Output<ResolvedMounts>;
  /** What the provider is told; `undefined` where there are none. */
  readonly facts: pulumi.Output<MountFacts | undefined>;
  readonly repository: pulumi.Output<string>;
  /** Called when something brings them into containers. */
  readonly onUse: () => void;
}

/** Looks up whether the repository has an image's mounts. */
export function planMounts(
  given: {
    readonly image: pulumi.Output<Image>;
    readonly resolved: pulumi.Output<ResolvedMounts>;
    readonly urn: pulumi.Output<string>;
    readonly located: pulumi.Output<LocatedRepository>;
  },
  program: Program,
): MountPlan {
  const { image, resolved, urn, located } = given;
  let isUsed = false;
  const facts = pulumi
    .all([image, resolved, located, urn])
    .apply(async ([value, { mounts }, place, resourceUrn]): Promise<MountFacts | undefined> => {
      if (mounts.length === 0) return undefined;
      const existence = await program.exists(place, mountTag(mounts));
      const leftOut = describeLeftOut(mounts.length);
      // Once in an update, which runs the program twice; by now the program has told who brings them.
      if (leftOut !== undefined && !isUsed && !pulumi.runtime.isDryRun()) resourceLog(resourceUrn).info(leftOut);
      return { existence, callSites: value.mountCallSites.map((callSite) => callSite ?? "") };
    });
  const repository = located.apply((place) => place.repository);
  return { resolved, facts, repository, onUse: () => (isUsed = true) };
}

/** What a registry holds of the mounts: known at preview where it has them. */
export function pushedMounts(
  { resolved, facts, repository }: MountPlan,
  resource: { readonly urn: pulumi.Output<string>; readonly mountDigest: pulumi.Output<string | undefined> },
): PushedMounts {
  const { urn, mountDigest } = resource;
  const later = pulumi.interpolate`${repository}@${mountDigest}`;
  const ref = facts.apply((known) => {
    if (known === undefined) return pulumi.output("");
    const digest = digestIn(known.existence);
    return digest === undefined ? later : pulumi.all([urn, repository]).apply(([, place]) => `${place}@${digest}`);
  });
  const described = resolved.apply(({ mounts, hash }) =>
    mounts.length === 0 ? undefined : { hash, points: mountPoints(mounts) },
  );
  return { facts: described, ref };
}

/** The mounts as another stack gets them. */
export function handledMounts({ facts, ref }: PushedMounts): pulumi.Output<ImageMounts | undefined> {
  return pulumi.all([facts, ref]).apply(([known, reference]) => known && { ...known, ref: reference });
}

function digestIn(existence: Existence): string | undefined {
  return "digest" in existence ? existence.digest : undefined;
}
