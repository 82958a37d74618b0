import type { RepositoryAddress } from "./registry";

/** What the host of a registry of ECR says. */
export interface EcrHost {
  readonly account: string;
  readonly region: string;
}

/**
 * Reads the host of an ECR registry; `undefined` for any other host. All of AWS's partitions, FIPS and dual-stack:
 * `123456789012.dkr.ecr.us-west-2.amazonaws.com`, `….dkr.ecr-fips.us-gov-west-1.amazonaws.com`,
 * `….dkr.ecr.cn-north-1.amazonaws.com.cn`, `….dkr-ecr.eu-west-1.on.aws`
 * (https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html).
 */
export function parseEcrHost(host: string): EcrHost | undefined {
  const [, account, region] = ECR_HOST.exec(host) ?? [];
  return account === undefined || region === undefined ? undefined : { account, region };
}

const ECR_HOST = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:[a-z0-9-]+\.)+[a-z]+$/;

/** How AWS is asked. Without credentials, so that a stack's state may keep it. */
export interface AwsAccess {
  /** Of the AWS configuration. */
  readonly profile?: string | undefined;
  /** Roles that are assumed one from the other. */
  readonly assumeRoles?: readonly AssumedRole[] | undefined;
  /** Instead of AWS's own address. */
  readonly endpoint?: string | undefined;
}

/** A role that is assumed for the run. */
export interface AssumedRole {
  readonly roleArn: string;
  /** Default `slipway`. */
  readonly sessionName?: string | undefined;
  readonly externalId?: string | undefined;
}

/** A registry of ECR: one account's in one region. */
export interface EcrRegistryAddress extends AwsAccess {
  /** The caller's own where it is not known. */
  readonly account?: string | undefined;
  readonly region: string;
}

/** `host/path`, for messages; the path alone while the host is not known. */
export function formatAddress({ host, path }: RepositoryAddress): string {
  return host === "" ? path : `${host}/${path}`;
}
