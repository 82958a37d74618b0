import type { ECRClient, ImageIdentifier } from "@aws-sdk/client-ecr";
import type { RuntimeConfigAwsCredentialIdentityProvider } from "@aws-sdk/types";
import { formatAddress, parseEcrHost, type EcrRegistryAddress } from "./ecr-address";
import { explainEcrError, type EcrCall } from "./ecr-errors";
import type { RepositoryAddress } from "./registry";

/** The four kinds of manifests, or ECR converts an image to the first that it is asked for. */
const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Tags that stay mutable where all others are not. */
const CACHE_TAGS = "cache-*";
/** A push that is never committed leaves manifests without a tag. Hashes are only removed by those who know who uses them. */
const LIFECYCLE_POLICY = {
  rules: [
    {
      rulePriority: 1,
      description: "Build cache that nobody used for 14 days",
      selection: {
        tagStatus: "tagged",
        tagPatternList: [CACHE_TAGS],
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: 14,
      },
      action: { type: "expire" },
    },
    {
      rulePriority: 2,
      description: "What was pushed and never got a tag",
      selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 7 },
      action: { type: "expire" },
    },
  ],
};

/** An image as BatchGetImage gives it. */
export interface EcrImage {
  readonly digest: string;
  readonly mediaType: string;
  readonly text: string;
}

/** What ECR said of one tag or digest. */
export type EcrAnswer =
  | { readonly kind: "stored"; readonly image: EcrImage }
  | { readonly kind: "missing" }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

export interface EcrOptions {
  /** How often one request is tried before it is an error. Default 8. */
  readonly attempts?: number;
  /** For one request, in milliseconds. Default 20,000. */
  readonly timeoutMs?: number;
}

/** The calls of one ECR registry: the only place where AWS is asked. The SDK is loaded by the first of them. */
export class Ecr {
  readonly address: EcrRegistryAddress;
  readonly #options: EcrOptions;
  #client: Promise<{ sdk: typeof import("@aws-sdk/client-ecr"); client: ECRClient }> | undefined;

  constructor(address: EcrRegistryAddress, options: EcrOptions = {}) {
    this.address = address;
    this.#options = options;
  }

  /** Up to 100 tags or digests of one repository in one call; in a repository that does not exist, all are missing. */
  async fetchImages(
    repository: RepositoryAddress,
    references: readonly string[],
  ): Promise<ReadonlyMap<string, EcrAnswer>> {
    const { sdk, client } = await this.#connect();
    const { account: registryId } = this.address;
    const input = {
      repositoryName: repository.path,
      registryId,
      imageIds: references.map(toId),
      acceptedMediaTypes: MANIFEST_TYPES,
    };
    try {
      const { images = [], failures = [] } = await client.send(new sdk.BatchGetImageCommand(input));
      const answers = new Map<string, EcrAnswer>();
      for (const { imageId, imageManifest: text = "", imageManifestMediaType: mediaType = "" } of images) {
        const digest = imageId?.imageDigest ?? "";
        for (const key of [imageId?.imageTag, digest]) {
          if (key !== undefined) answers.set(key, { kind: "stored", image: { digest, mediaType, text } });
        }
      }
      for (const { imageId, failureCode: code = "", failureReason: reason = "" } of failures) {
        const key = imageId?.imageTag ?? imageId?.imageDigest ?? "";
        answers.set(key, code === "ImageNotFound" ? { kind: "missing" } : { kind: "failed", code, reason });
      }
      return answers;
    } catch (error) {
      if (isNamed(error, "RepositoryNotFoundException"))
        return new Map(references.map((key) => [key, { kind: "missing" }]));
      throw this.#explain(error, "BatchGetImage", repository);
    }
  }

  /**
   * Stores a manifest, under a tag where one is given, in one call.
   *
   * @returns `taken` where an immutable tag holds something already, which may be the very same
   */
  async putImage(
    repository: RepositoryAddress,
    image: EcrImage,
    tag: string | undefined,
    signal?: AbortSignal,
  ): Promise<"put" | "taken"> {
    const { sdk, client } = await this.#connect();
    const input = {
      repositoryName: repository.path,
      registryId: this.address.account,
      imageManifest: image.text,
      imageManifestMediaType: image.mediaType,
      imageDigest: image.digest,
      imageTag: tag,
    };
    try {
      await client.send(new sdk.PutImageCommand(input), withSignal(signal));
      return "put";
    } catch (error) {
      signal?.throwIfAborted();
      if (isNamed(error, "ImageAlreadyExistsException", "ImageTagAlreadyExistsException")) return "taken";
      throw this.#explain(error, "PutImage", repository);
    }
  }

  /** The repository's own address as ECR gives it; `undefined` where there is none. */
  async findRepository(
    repository: RepositoryAddress,
  ): Promise<{ readonly uri: string; readonly account: string } | undefined> {
    const { sdk, client } = await this.#connect();
    const input = { repositoryNames: [repository.path], registryId: this.address.account };
    try {
      const { repositories = [] } = await client.send(new sdk.DescribeRepositoriesCommand(input));
      const [{ repositoryUri: uri = "", registryId: account = "" } = {}] = repositories;
      return uri === "" ? undefined : { uri, account };
    } catch (error) {
      if (isNamed(error, "RepositoryNotFoundException")) return undefined;
      throw this.#explain(error, "DescribeRepositories", repository);
    }
  }

  /** Creates a repository whose tags never move, but for the cache's. One that somebody else creates meanwhile is fine. */
  async createRepository(
    repository: RepositoryAddress,
    { scanOnPush }: { readonly scanOnPush: boolean },
  ): Promise<void> {
    const { sdk, client } = await this.#connect();
    const own = { repositoryName: repository.path, registryId: this.address.account };
    try {
      await client.send(
        new sdk.CreateRepositoryCommand({
          ...own,
          imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
          imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: CACHE_TAGS }],
          imageScanningConfiguration: { scanOnPush },
        }),
      );
    } catch (error) {
      if (isNamed(error, "RepositoryAlreadyExistsException")) return;
      throw this.#explain(error, "CreateRepository", repository);
    }
    try {
      const lifecyclePolicyText = JSON.stringify(LIFECYCLE_POLICY);
      await client.send(new sdk.PutLifecyclePolicyCommand({ ...own, lifecyclePolicyText }));
    } catch (error) {
      throw this.#explain(error, "PutLifecyclePolicy", repository);
    }
  }

  /** A login for the registry's host, and that host as ECR names it. */
  async fetchLogin(): Promise<{ readonly username: string; readonly password: string; readonly host: string }> {
    const { sdk, client } = await this.#connect();
    try {
      const { authorizationData = [] } = await client.send(new sdk.GetAuthorizationTokenCommand({}));
      const [{ authorizationToken = "", proxyEndpoint = "" } = {}] = authorizationData;
      const [username = "", password = ""] = Buffer.from(authorizationToken, "base64").toString("utf8").split(":");
      return { username, password, host: proxyEndpoint.replace(/^https?:\/\//, "") };
    } catch (error) {
      throw this.#explain(error, "GetAuthorizationToken", undefined);
    }
  }

  /**
   * The host of the registry where ECR itself cannot be asked. Its end is that of the SDK's own address for the region:
   * `amazonaws.com`, in China `amazonaws.com.cn`, and so on.
   */
  async guessHost(account: string): Promise<string> {
    const { sdk } = await this.#connect();
    const { region } = this.address;
    const { endpointProvider } = new sdk.ECRClient({ region }).config;
    const { hostname } = endpointProvider({ Region: region, UseDualStack: false, UseFIPS: false }).url;
    const host = `${account}.dkr.ecr.${hostname.slice(hostname.indexOf(region))}`;
    return parseEcrHost(host) === undefined ? `${account}.dkr.ecr.${region}.amazonaws.com` : host;
  }

  #connect() {
    return (this.#client ??= this.#load());
  }

  async #load() {
    // It warns each user of Node 20 at each run; which versions Slipway runs on is for Slipway to say.
    process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
    const sdk = await import("@aws-sdk/client-ecr");
    const { region, endpoint } = this.address;
    const client = new sdk.ECRClient({
      region,
      credentials: await chooseCredentials(this.address),
      retryMode: "adaptive",
      maxAttempts: this.#options.attempts ?? 8,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: this.#options.timeoutMs ?? 20_000 },
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    return { sdk, client };
  }

  #explain(error: unknown, operation: string, repository: RepositoryAddress | undefined) {
    return explainEcrError(error, this.callOf(operation, repository));
  }

  /** What a message says of a call. */
  callOf(operation: string, repository: RepositoryAddress | undefined): EcrCall {
    const { account, region } = this.address;
    const registry = `ECR${account === undefined ? "" : ` of ${account}`}`;
    const place = repository === undefined ? registry : formatAddress(repository);
    return { operation, region, account, repository: repository?.path, place };
  }
}

/** The SDK's own chain, begun with a profile where one is named; each role is assumed with what came before. */
async function chooseCredentials(address: EcrRegistryAddress): Promise<RuntimeConfigAwsCredentialIdentityProvider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  const { profile, assumeRoles = [], region } = address;
  const start: RuntimeConfigAwsCredentialIdentityProvider = fromNodeProviderChain(
    profile === undefined ? {} : { profile },
  );
  return assumeRoles.reduce<RuntimeConfigAwsCredentialIdentityProvider>((before, role) => {
    const RoleSessionName = role.sessionName ?? "slipway";
    const externalId = role.externalId === undefined ? {} : { ExternalId: role.externalId };
    return fromTemporaryCredentials({
      masterCredentials: () => before(),
      params: { RoleArn: role.roleArn, RoleSessionName, ...externalId },
      clientConfig: { region },
    });
  }, start);
}

function toId(reference: string): ImageIdentifier {
  return reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
}

function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

function withSignal(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
