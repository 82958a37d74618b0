import * as pulumi from "@pulumi/pulumi";
import type { Image } from "../sdk/image";
import { describeLeftOut, mountPoints } from "../sdk/mount";
import type { Existence } from "./existence";
import { mapLater, toOutput, type Later } from "./later";
import type { LocatedRepository } from "./located";
import type { ImageMounts, PushedMounts } from "./mount-source";
import { mountTag } from "./mount-tag";
import type { ResolvedMounts } from "./program";
import type { Program } from "./pulumi-program";
import { resourceLog } from "./resource-log";
import type { MountFacts } from "./run";

/** What the program knows of a BuiltImage's mounts. */
export interface MountPlan {
  readonly resolved: Later<ResolvedMounts>;
  /** What the provider is told; `undefined` where there are none. */
  readonly facts: Later<MountFacts | undefined>;
  readonly repository: Later<string>;
  /** Called when something brings them into containers. */
  readonly onUse: () => void;
}

/** Looks up whether the repository has an image's mounts. */
export function planMounts(
  given: {
    readonly image: Later<Image>;
    readonly resolved: Later<ResolvedMounts>;
    readonly urn: Promise<string>;
    readonly located: Later<LocatedRepository>;
  },
  program: Program,
): MountPlan {
  const { image, resolved, urn, located } = given;
  let isUsed = false;
  const find = async ({ mounts }: ResolvedMounts): Promise<MountFacts | undefined> => {
    if (mounts.length === 0) return undefined;
    const [value, place] = await Promise.all([image.value, located.value]);
    const existence = await program.exists(place, mountTag(mounts));
    const leftOut = describeLeftOut(mounts.length);
    // Once in an update, which runs the program twice; by now the program has told who brings them.
    if (leftOut !== undefined && !isUsed && !pulumi.runtime.isDryRun()) resourceLog(await urn).info(leftOut);
    return { existence, callSites: value.mountCallSites.map((callSite) => callSite ?? "") };
  };
  const facts = mapLater(resolved, find, image, located);
  const repository = mapLater(located, (place) => place.repository);
  return { resolved, facts, repository, onUse: () => (isUsed = true) };
}

/** What a registry holds of the mounts: known at preview where it has them. */
export function pushedMounts(
  plan: MountPlan,
  resource: { readonly urn: pulumi.Output<string>; readonly mountDigest: pulumi.Output<string | undefined> },
): PushedMounts {
  const { urn, mountDigest } = resource;
  const repository = toOutput(plan.repository);
  const later = pulumi.interpolate`${repository}@${mountDigest}`;
  const ref = toOutput(plan.facts).apply((known) => {
    if (known === undefined) return pulumi.output("");
    const digest = digestIn(known.existence);
    return digest === undefined ? later : pulumi.all([urn, repository]).apply(([, place]) => `${place}@${digest}`);
  });
  const described = toOutput(plan.resolved).apply(({ mounts, hash }) =>
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
