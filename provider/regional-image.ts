import * as pulumi from "@pulumi/pulumi";
import { fail, type Call } from "../sdk/arguments";
import type { ImageHandle } from "./built-image";
import type { Existence } from "./existence";
import { regionsOf, type LocatedRepository } from "./located";
import type { ImageMounts } from "./mount-source";

/** An image in one region of its repository. */
export interface RegionalImage {
  /** `<repository>:<hash>`; known at preview. */
  readonly uri: pulumi.Output<string>;
  /** `<repository>@sha256:…`; known at preview when that region or another one has it, else after the update. */
  readonly ref: pulumi.Output<string>;
  /** For what runs there: a WarmPool, Sandbox or Mounts pulls the image, and its mounts, from that region. */
  readonly handle: pulumi.Output<ImageHandle>;
}

/** What an image's resource knows of its regions. */
export interface RegionalFacts {
  readonly located: pulumi.Output<LocatedRepository>;
  readonly existence: pulumi.Output<Existence>;
  readonly urn: pulumi.Output<string>;
  readonly hash: pulumi.Output<string>;
  readonly digest: pulumi.Output<string>;
  /** The image's own, of its first region. */
  readonly handle: pulumi.Output<ImageHandle>;
  /** Region → digest, where there is more than one; known after the update. */
  readonly regions: pulumi.Output<Readonly<Record<string, string>> | undefined>;
}

/** The image in a region; in a region that its repository does not have, its values fail and say so. */
export function inRegion(call: Call, region: string, facts: RegionalFacts): RegionalImage {
  const { located, existence, urn, hash, digest, handle, regions } = facts;
  const place = located.apply((repository) => placeIn(call, region, repository));
  const known = existence.apply((found) => digestIn(found, region));
  const later = pulumi.all([digest, regions]).apply(([own, all]) => all?.[region] ?? own);
  const ref = known.apply((value) =>
    value === undefined
      ? pulumi.interpolate`${place}@${later}`
      : pulumi.all([urn, place]).apply(([, repository]) => `${repository}@${value}`),
  );
  const uri = pulumi.all([urn, place, hash]).apply(([, repository, value]) => `${repository}:${value}`);
  const there = pulumi
    .all([handle, uri, ref, place])
    .apply(([own, regionalUri, regionalRef, repository]): ImageHandle => {
      const moved = { ...own, uri: regionalUri, ref: regionalRef };
      return own.mounts === undefined ? moved : { ...moved, mounts: mountsIn(repository, own.mounts) };
    });
  return { uri, ref, handle: there };
}

/** The image that holds mounts is the same everywhere. */
function mountsIn(repository: string, mounts: ImageMounts): ImageMounts {
  return { ...mounts, ref: `${repository}@${mounts.ref.split("@")[1] ?? ""}` };
}

function placeIn(call: Call, region: string, repository: LocatedRepository): string {
  const all = regionsOf(repository);
  const found = all.find((one) => one.region === region);
  if (found !== undefined) return found.repository;
  const names = all.map((one) => one.region).join(", ");
  throw fail(
    call,
    `the repository ${repository.repository} is not in ${region}.`,
    names === "" ? 'Only ecrRepository({ regions: ["…"] }) has regions.' : `It is in ${names}.`,
  );
}

/** What a preview knows: a region's own digest, or that of which it gets a copy. */
function digestIn(existence: Existence, region: string): string | undefined {
  switch (existence.kind) {
    case "stored":
    case "elsewhere":
      return existence.regions?.[region] ?? existence.digest;
    case "missing":
    case "unknown":
      return undefined;
  }
}
