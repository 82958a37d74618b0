import { SlipwayError } from "../sdk/error";
import { parseRepository } from "../sdk/reference";
import type { AwsSettings } from "./aws-settings";
import { Ecr } from "./ecr";
import { parseEcrHost, type AwsAccess, type EcrRegistryAddress } from "./ecr-address";
import type { EcrByName, EcrByUrl, EcrOptions } from "./ecr-repository";
import type { LocatedRepository } from "./located";
import type { Repository } from "./repository";

/** What the service says of a repository. */
export interface EcrLocation {
  readonly account: string | undefined;
  /** `host/path` */
  readonly uri: string;
}

/** Asks where a repository is. */
export type FindEcr = (address: EcrRegistryAddress, name: string) => Promise<EcrLocation>;

/**
 * Says where a repository is and how it is asked. An ECR repository's address is the service's own word: one made of
 * account and region would be wrong in other partitions.
 *
 * @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE, and what ECR says
 */
export async function locateRepository(
  repository: Repository,
  aws: AwsSettings,
  find: FindEcr = findEcr,
): Promise<LocatedRepository> {
  if (repository.kind === "oci") {
    const url = readUrl(repository.url);
    return { repository: url, ...(repository.insecure ? { insecure: true } : {}) };
  }
  const { args } = repository;
  const { assumeRole, create, copyFrom = [] } = args;
  const roles = assumeRole === undefined ? aws.assumeRoles : [assumeRole].flat();
  const access: AwsAccess = {
    profile: args.profile ?? aws.profile,
    assumeRoles: roles.length === 0 ? undefined : roles,
    endpoint: args.endpoint,
  };
  const [home, ...copies] = await locatePlaces(args, aws, access, find);
  if (home === undefined) throw new Error("a repository has at least one region");
  const mayCreate = create ?? !("url" in args);
  const scanOnPush = typeof create === "object" && create.scanOnPush === true;
  const sources = await Promise.all(copyFrom.map((source) => locateRepository(source, aws, find)));
  return {
    repository: home.repository,
    ecr: dropUndefined({
      ...access,
      account: home.account,
      region: home.region,
      create: mayCreate === false ? undefined : { scanOnPush },
      copies:
        copies.length === 0 ? undefined : copies.map(({ region, repository: uri }) => ({ region, repository: uri })),
      copyFrom: sources.length === 0 ? undefined : sources,
    }),
  };
}

interface LocatedPlace {
  readonly account: string | undefined;
  readonly region: string;
  readonly repository: string;
}

async function locatePlaces(
  args: EcrByName | EcrByUrl,
  aws: AwsSettings,
  access: AwsAccess,
  find: FindEcr,
): Promise<readonly LocatedPlace[]> {
  if ("url" in args) {
    const url = readUrl(args.url);
    const { host, path } = parseRepository(url);
    const address = parseEcrHost(host);
    if (address === undefined) {
      throw wrong(
        `ecrRepository: ${JSON.stringify(url)} is none of ECR's addresses.`,
        "Give the repositoryUrl of an ECR repository, or use ociRepository for another registry.",
      );
    }
    return [{ ...address, repository: seenAs(host, path, address.region, args) }];
  }
  const regions = args.regions ?? [args.region ?? aws.region].flatMap((region) => region ?? []);
  if (regions.length === 0) {
    throw wrong(
      `ecrRepository: no region is set for the repository ${args.name}.`,
      "Give region, set aws:region in the stack's config, or AWS_REGION.",
    );
  }
  return Promise.all(
    regions.map(async (region) => {
      const { uri, account } = await find({ ...access, account: args.account, region }, args.name);
      const { host, path } = parseRepository(uri);
      return { account, region, repository: seenAs(host, path, region, args) };
    }),
  );
}

function seenAs(host: string, path: string, region: string, { registryHost }: EcrOptions): string {
  const other = typeof registryHost === "object" ? registryHost[region] : registryHost;
  return `${other ?? host}/${path}`;
}

/**
 * The repository's address from ECR: its own, or, while it does not exist, that of the registry it will be in. Where
 * ECR cannot be asked and the account is known, the address follows from the SDK's own rules for the region.
 */
async function findEcr(address: EcrRegistryAddress, name: string): Promise<EcrLocation> {
  const ecr = new Ecr(address);
  const { account } = address;
  try {
    const known = await ecr.findRepository({ host: "", path: name });
    if (known !== undefined) return { account: known.account, uri: known.uri };
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    if (account !== undefined) return { account, uri: `${await ecr.guessHost(account)}/${name}` };
    if (error.code !== "REGISTRY_DENIED") throw error;
  }
  const { host } = await ecr.fetchLogin();
  const own = parseEcrHost(host)?.account;
  if (account === undefined || own === undefined || account === own)
    return { account: account ?? own, uri: `${host}/${name}` };
  return { account, uri: `${host.replace(own, account)}/${name}` };
}

function readUrl(url: unknown): string {
  if (typeof url === "string") {
    parseRepository(url);
    return url;
  }
  throw wrong("the repository is not a string.", "Give host/path, for example localhost:5000/images.");
}

function dropUndefined<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function wrong(text: string, hint: string): SlipwayError {
  return new SlipwayError({ code: "INVALID_ARGUMENT", text, hint });
}
