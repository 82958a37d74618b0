import type { Input } from "@pulumi/pulumi";
import { checkNames, describeCall, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import type { AssumedRole } from "./ecr-address";
import type { Repository } from "./repository";

/** How ECR is asked, and what may be done there. */
export interface EcrOptions {
  /** Of the AWS configuration. Default: `aws:profile` of the stack's config, then the SDK's own chain. */
  readonly profile?: string;
  /** One role, or several that are assumed one from the other. Default: `aws:assumeRoles` of the stack's config. */
  readonly assumeRole?: AssumedRole | readonly AssumedRole[];
  /** Instead of AWS's own address, for example a VPC endpoint's. */
  readonly endpoint?: string;
  /** The registry's host as builders and nodes see it, where it is not ECR's own; one, or one for each region. */
  readonly registryHost?: string | Readonly<Record<string, string>>;
  /** Whether `up` creates a missing repository. Default `true`, with `url` `false`. It is never deleted. */
  readonly create?: boolean | { readonly scanOnPush?: boolean };
  /** Where an image may be copied from instead of being built, for example another account's repository. */
  readonly copyFrom?: readonly Repository[];
}

/** A repository by its name, in one region or several. */
export interface EcrByName extends EcrOptions {
  readonly name: string;
  /** Default: `aws:region` of the stack's config, then `AWS_REGION`. */
  readonly region?: string;
  /** Several: images are built for the first, the others get copies. */
  readonly regions?: readonly string[];
  /** Default: the one of the credentials. */
  readonly account?: string;
}

/** A repository by its address, for example another resource's `repositoryUrl`. */
export interface EcrByUrl extends EcrOptions {
  readonly url: Input<string>;
}

/** A repository of ECR. Made by {@link ecrRepository}. */
export interface EcrRepository {
  readonly kind: "ecr";
  readonly args: EcrByName | EcrByUrl;
}

const OPTIONS = ["profile", "assumeRole", "endpoint", "registryHost", "create", "copyFrom"];

/**
 * A repository of Amazon ECR. Credentials come from where the AWS SDK finds them, at each run, and are kept nowhere.
 * `up` creates a missing repository: tags that never move but for `cache-*`, and rules for what may go.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 * @example
 * ```ts
 * const repository = ecrRepository({ name: "images", regions: ["us-west-2", "eu-west-1"] });
 * ```
 */
export function ecrRepository(args: EcrByName | EcrByUrl): EcrRepository {
  const call: Call = { text: describeCall("ecrRepository", args), callSite: readCallSite(ecrRepository) };
  if (typeof args !== "object" || args === null) throw fail(call, "it takes an object.", EXAMPLE);
  const known = "url" in args ? ["url", ...OPTIONS] : ["name", "region", "regions", "account", ...OPTIONS];
  checkNames(call, "argument", args, known);
  if (!("url" in args)) checkName(call, args);
  return Object.freeze({ kind: "ecr", args: Object.freeze({ ...args }) });
}

const EXAMPLE = 'Write ecrRepository({ name: "images", region: "us-west-2" }), or { url: repository.repositoryUrl }.';

/** The names that ECR takes (CreateRepository, repositoryName). */
const NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d+$/;

function checkName(call: Call, { name, region, regions, account }: EcrByName): void {
  if (typeof name !== "string" || !NAME.test(name) || name.length < 2 || name.length > 256) {
    throw fail(
      call,
      `the name ${JSON.stringify(name)} is none that ECR takes.`,
      "Lower-case letters, digits, and . _ - / between them.",
    );
  }
  if (region !== undefined && regions !== undefined)
    throw fail(call, "region and regions are both given.", "Give one of them.");
  const all = regions ?? (region === undefined ? [] : [region]);
  if (regions?.length === 0) throw fail(call, "the list of regions is empty.", EXAMPLE);
  const wrong = all.find((one) => typeof one !== "string" || !REGION.test(one));
  if (wrong !== undefined) throw fail(call, `${JSON.stringify(wrong)} is no region.`, 'Write "us-west-2".');
  if (new Set(all).size !== all.length) throw fail(call, "a region is there twice.", "Name each one once.");
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    throw fail(call, `the account ${JSON.stringify(account)} is not 12 digits.`, 'Write "123456789012", as a string.');
  }
}
