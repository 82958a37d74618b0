import type { ECRClient, ImageIdentifier, Repository as EcrRepository } from "@aws-sdk/client-ecr";
import { chooseCredentials } from "./aws-credentials";
import { formatAddress, type EcrRegistryAddress } from "./ecr-address";
import { CACHE_TAGS, LIFECYCLE_POLICY } from "./ecr-lifecycle";
import { explainEcrError, type EcrCall } from "./ecr-errors";
import { MANIFEST_TYPES } from "./manifest";
import type { RepositoryAddress } from "./registry";
import { limitTime } from "./time-limit";

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
  /** There is not even the repository. */
  | { readonly kind: "noRepository" }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

export interface EcrOptions {
  /** How often one request is tried before it is an error. Default 8. */
  readonly attempts?: number;
  /** For one attempt, in milliseconds. Default 20,000. */
  readonly timeoutMs?: number;
  /** For all attempts of a request, in milliseconds. Default 60,000. */
  readonly deadlineMs?: number;
}

type Sdk = typeof import("@aws-sdk/client-ecr");

/** The calls of one ECR registry: the only place where AWS is asked. The SDK is loaded by the first of them. */
export class Ecr {
  readonly address: EcrRegistryAddress;
  readonly #options: EcrOptions;
  #client: Promise<{ sdk: Sdk; client: ECRClient }> | undefined;

  constructor(address: EcrRegistryAddress, options: EcrOptions = {}) {
    this.address = address;
    this.#options = options;
  }

  /** Up to 100 tags or digests of one repository in one call. */
  async fetchImages(
    repository: RepositoryAddress,
    references: readonly string[],
  ): Promise<ReadonlyMap<string, EcrAnswer>> {
    const input = {
      ...this.#ownerOf(repository),
      imageIds: references.map(toId),
      acceptedMediaTypes: [...MANIFEST_TYPES],
    };
    const output = await this.#call(
      { operation: "BatchGetImage", repository, expected: ["RepositoryNotFoundException"] },
      (sdk, client, http) => client.send(new sdk.BatchGetImageCommand(input), http),
    );
    if (output instanceof Error) return new Map(references.map((key) => [key, { kind: "noRepository" }]));
    const answers = new Map<string, EcrAnswer>();
    for (const { imageId, imageManifest: text = "", imageManifestMediaType: mediaType = "" } of output.images ?? []) {
      const digest = imageId?.imageDigest ?? "";
      for (const key of [imageId?.imageTag, digest]) {
        if (key !== undefined) answers.set(key, { kind: "stored", image: { digest, mediaType, text } });
      }
    }
    for (const { imageId, failureCode: code = "", failureReason: reason = "" } of output.failures ?? []) {
      const key = imageId?.imageTag ?? imageId?.imageDigest ?? "";
      answers.set(key, code === "ImageNotFound" ? { kind: "missing" } : { kind: "failed", code, reason });
    }
    return answers;
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
    const input = {
      ...this.#ownerOf(repository),
      imageManifest: image.text,
      imageManifestMediaType: image.mediaType,
      imageDigest: image.digest,
      imageTag: tag,
    };
    const expected = ["ImageAlreadyExistsException", "ImageTagAlreadyExistsException"];
    const output = await this.#call({ operation: "PutImage", repository, expected, signal }, (sdk, client, http) =>
      client.send(new sdk.PutImageCommand(input), http),
    );
    return output instanceof Error ? "taken" : "put";
  }

  /** The repository's own address as ECR gives it; `undefined` where there is none. */
  async findRepository(
    repository: RepositoryAddress,
  ): Promise<{ readonly uri: string; readonly account: string } | undefined> {
    const found = await this.#describe(repository);
    if (found === undefined) return undefined;
    const [{ repositoryUri: uri = "", registryId: account = "" } = {}] = found;
    return uri === "" ? undefined : { uri, account };
  }

  /**
   * Creates a repository whose tags never move, but for the cache's. One that somebody else creates meanwhile is fine.
   * Tags and rules are two calls: whoever ended between them left a repository that keeps everything for ever.
   */
  async createRepository(
    repository: RepositoryAddress,
    { scanOnPush }: { readonly scanOnPush: boolean },
  ): Promise<void> {
    const own = this.#ownerOf(repository);
    const expected = ["RepositoryAlreadyExistsException"];
    const output = await this.#call({ operation: "CreateRepository", repository, expected }, (sdk, client, http) => {
      const command = new sdk.CreateRepositoryCommand({
        ...own,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: CACHE_TAGS }],
        imageScanningConfiguration: { scanOnPush },
      });
      return client.send(command, http);
    });
    if (output instanceof Error) await this.completeRepository(repository);
    else await this.#putRules(repository);
  }

  /**
   * Puts the rules of a repository that has none and whose tags are as we make them. Another one's is its owner's
   * affair, and where we may not look, its owner keeps us from it.
   */
  async completeRepository(repository: RepositoryAddress): Promise<void> {
    const own = this.#ownerOf(repository);
    const expected = ["LifecyclePolicyNotFoundException", "AccessDeniedException"];
    const rules = await this.#call({ operation: "GetLifecyclePolicy", repository, expected }, (sdk, client, http) =>
      client.send(new sdk.GetLifecyclePolicyCommand(own), http),
    );
    if (!(rules instanceof Error) || rules.name !== "LifecyclePolicyNotFoundException") return;
    const [found] = (await this.#describe(repository)) ?? [];
    const filters = found?.imageTagMutabilityExclusionFilters ?? [];
    const isOurs =
      found?.imageTagMutability === "IMMUTABLE_WITH_EXCLUSION" &&
      filters.length === 1 &&
      filters[0]?.filter === CACHE_TAGS;
    if (isOurs) await this.#putRules(repository);
  }

  /** A login for the registry's host, and that host as ECR names it. */
  async fetchLogin(): Promise<{ readonly username: string; readonly password: string; readonly host: string }> {
    const output = await this.#call({ operation: "GetAuthorizationToken" }, (sdk, client, http) =>
      client.send(new sdk.GetAuthorizationTokenCommand({}), http),
    );
    const data = output instanceof Error ? [] : (output.authorizationData ?? []);
    const [{ authorizationToken = "", proxyEndpoint = "" } = {}] = data;
    const [username = "", password = ""] = Buffer.from(authorizationToken, "base64").toString("utf8").split(":");
    return { username, password, host: proxyEndpoint.replace(/^https?:\/\//, "") };
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
    return `${account}.dkr.ecr.${hostname.slice(hostname.indexOf(region))}`;
  }

  /** What a message says of a call. */
  callOf(operation: string, repository: RepositoryAddress | undefined): EcrCall {
    const { account, region } = this.address;
    const registry = `ECR${account === undefined ? "" : ` of ${account}`}`;
    const place = repository === undefined ? registry : formatAddress(repository);
    return { operation, region, account, repository: repository?.path, place };
  }

  async #describe(repository: RepositoryAddress): Promise<readonly EcrRepository[] | undefined> {
    const input = { repositoryNames: [repository.path], registryId: this.address.account };
    const expected = ["RepositoryNotFoundException"];
    const output = await this.#call({ operation: "DescribeRepositories", repository, expected }, (sdk, client, http) =>
      client.send(new sdk.DescribeRepositoriesCommand(input), http),
    );
    return output instanceof Error ? undefined : (output.repositories ?? []);
  }

  async #putRules(repository: RepositoryAddress): Promise<void> {
    const input = { ...this.#ownerOf(repository), lifecyclePolicyText: JSON.stringify(LIFECYCLE_POLICY) };
    await this.#call({ operation: "PutLifecyclePolicy", repository }, (sdk, client, http) =>
      client.send(new sdk.PutLifecyclePolicyCommand(input), http),
    );
  }

  #ownerOf(repository: RepositoryAddress) {
    return { repositoryName: repository.path, registryId: this.address.account };
  }

  /** One request with all its attempts. An exception that is expected is an answer, anything else an error of ours. */
  async #call<T>(
    { operation, repository, expected = [], signal }: CallOptions,
    send: (sdk: Sdk, client: ECRClient, http: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T | Error> {
    signal?.throwIfAborted();
    const { deadlineMs = 60_000 } = this.#options;
    const limit = limitTime(deadlineMs, signal);
    try {
      const { sdk, client } = await this.#connect();
      return await send(sdk, client, { abortSignal: limit });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Error && expected.includes(error.name)) return error;
      const cause = limit.aborted ? new Error(`no answer within ${deadlineMs / 1_000} s`, { cause: error }) : error;
      if (cause instanceof Error && limit.aborted) cause.name = "TimeoutError";
      throw explainEcrError(cause, this.callOf(operation, repository));
    }
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
      requestHandler: {
        connectionTimeout: 5_000,
        requestTimeout: this.#options.timeoutMs ?? 20_000,
        throwOnRequestTimeout: true, // Without it the SDK writes a warning and waits on.
      },
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    return { sdk, client };
  }
}

interface CallOptions {
  readonly operation: string;
  readonly repository?: RepositoryAddress;
  /** Names of exceptions that are answers. */
  readonly expected?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

function toId(reference: string): ImageIdentifier {
  return reference.startsWith("sha256:") ? { imageDigest: reference } : { imageTag: reference };
}
