import * as v from "valibot";
import type { AwsAccess } from "./ecr-address";

/**
 * A repository with everything that is needed to ask it. It is plain and holds no credentials: Pulumi's state keeps it,
 * so that a refresh, which runs no program, can ask, too.
 */
export interface LocatedRepository {
  /** `host/path` */
  readonly repository: string;
  /** Present where the repository's host is asked by plain HTTP though it is another machine. */
  readonly insecure?: true | undefined;
  /** Present where it is one of ECR's. */
  readonly ecr?: LocatedEcr | undefined;
}

/** What makes a repository one of ECR's. */
export interface LocatedEcr extends AwsAccess {
  readonly account?: string | undefined;
  readonly region: string;
  /** Present where a missing repository is created. */
  readonly create?: { readonly scanOnPush: boolean } | undefined;
  /** The same repository in further regions, which get copies. */
  readonly copies?: readonly RegionalRepository[] | undefined;
  /** Where an image may be copied from, in the order in which they are asked. */
  readonly copyFrom?: readonly LocatedRepository[] | undefined;
}

/** A repository in one region. */
export interface RegionalRepository {
  readonly region: string;
  readonly repository: string;
}

export const roleSchema = v.object({
  roleArn: v.string(),
  sessionName: v.optional(v.string()),
  externalId: v.optional(v.string()),
});
const accessEntries = {
  account: v.optional(v.string()),
  region: v.string(),
  profile: v.optional(v.string()),
  assumeRoles: v.optional(v.array(roleSchema)),
  endpoint: v.optional(v.string()),
};
const placeEntries = { repository: v.string(), insecure: v.optional(v.literal(true)) };

const ecrSchema = v.object({
  ...accessEntries,
  create: v.optional(v.object({ scanOnPush: v.boolean() })),
  copies: v.optional(v.array(v.object({ region: v.string(), repository: v.string() }))),
  copyFrom: v.optional(v.array(v.object({ ...placeEntries, ecr: v.optional(v.object(accessEntries)) }))),
});

/** What a state keeps of a repository. */
export const locatedEntries = { ...placeEntries, ecr: v.optional(ecrSchema) };

/** Every region of a repository, the one where images are built first. */
export function regionsOf({ repository, ecr }: LocatedRepository): readonly RegionalRepository[] {
  return ecr === undefined ? [] : [{ region: ecr.region, repository }, ...(ecr.copies ?? [])];
}
