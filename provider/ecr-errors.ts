import { describeError, SlipwayError } from "../sdk/error";

/** What ECR was asked when it failed. */
export interface EcrCall {
  /** For example `BatchGetImage`. */
  readonly operation: string;
  readonly region: string;
  readonly account: string | undefined;
  /** The repository's name; `undefined` where the call concerns none. */
  readonly repository: string | undefined;
  /** How the repository reads in a message. */
  readonly place: string;
}

/** Turns whatever the SDK throws into an error that says what to do. */
export function explainEcrError(error: unknown, call: EcrCall): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const name = nameOf(error);
  const text = (found: string): string => `${call.place}: ${call.operation} in ${call.region}: ${found}`;
  switch (name) {
    case "CredentialsProviderError":
    case "TokenProviderError":
    case "ProviderError":
      return wrong(
        "AWS_CREDENTIALS",
        text(`no AWS credentials were found: ${messageOf(error)}.`),
        CREDENTIALS_HINT,
        error,
      );
    case "ExpiredTokenException":
    case "ExpiredToken":
    case "UnauthorizedSSOTokenException":
      return wrong("AWS_CREDENTIALS", text("the AWS credentials have expired."), LOGIN_HINT, error);
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
    case "InvalidSignatureException":
    case "SignatureDoesNotMatch":
    case "RequestExpired":
    case "RequestTimeTooSkewed":
      return wrong(
        "AWS_CREDENTIALS",
        text(`AWS does not accept the credentials: ${messageOf(error)}.`),
        CLOCK_HINT,
        error,
      );
    case "AccessDeniedException":
    case "AccessDenied":
    case "BlockedByOrganizationPolicyException":
      return explainDenial(error, call, text);
    case "RepositoryNotFoundException":
      return wrong("REPOSITORY_MISSING", text("there is no such repository."), MISSING_HINT, error);
    case "LimitExceededException":
    case "TooManyTagsException":
      return wrong(
        "REGISTRY_QUOTA",
        text(`a quota of the account is used up: ${messageOf(error)}.`),
        QUOTA_HINT,
        error,
      );
    case "KmsException":
      return explainKms(text, messageOf(error), error);
    case "ImageArchivedException":
    case "LayerInaccessibleException":
      return explainArchived(call.place, messageOf(error));
    case "ThrottlingException":
    case "TooManyRequestsException":
    case "ServerException":
    case "InternalFailure":
    case "ServiceUnavailable":
      return wrong(
        "REGISTRY_UNAVAILABLE",
        text(`ECR did not answer for long enough: ${messageOf(error)}.`),
        AGAIN_HINT,
        error,
      );
    default:
      if (isNetworkError(error, name)) {
        const found = `ECR cannot be reached: ${messageOf(error)}.`;
        return wrong("REGISTRY_UNAVAILABLE", text(found), "See that this machine can reach AWS in that region.", error);
      }
      return wrong("REGISTRY_ANSWER", text(`${name}: ${messageOf(error)}.`), AGAIN_HINT, error);
  }
}

/** A failure that BatchGetImage gives for one image among others. */
export function explainImageFailure(code: string, reason: string, call: EcrCall): SlipwayError {
  const text = (found: string): string => `${call.place}: ${found}`;
  switch (code) {
    case "ImageInaccessible":
      return explainArchived(call.place, reason);
    case "KmsError":
      return explainKms(text, reason, undefined);
    case "UpstreamTooManyRequests":
    case "UpstreamUnavailable":
      return wrong("REGISTRY_UNAVAILABLE", text(`its upstream does not answer: ${reason}.`), AGAIN_HINT);
    case "UpstreamAccessDenied":
      return wrong(
        "REGISTRY_DENIED",
        text(`its upstream lets nobody in: ${reason}.`),
        "See the pull-through cache rule's secret.",
      );
    default:
      return wrong("REGISTRY_ANSWER", text(`ECR says ${code}: ${reason}.`), AGAIN_HINT);
  }
}

const CREDENTIALS_HINT =
  "Log in (aws sso login, or AWS_PROFILE), set aws:profile in the stack's config, or give ecrRepository a profile.";
const LOGIN_HINT = "Log in again (aws sso login), or get new ones where they come from, and run it again.";
const CLOCK_HINT =
  "See which credentials are used (aws sts get-caller-identity), and that this machine's clock is right.";
const MISSING_HINT =
  "Create it, see that name, account and region are right, or let ecrRepository create it (create: true).";
const QUOTA_HINT = "Ask for more (Service Quotas, Amazon ECR), or remove images that nobody runs.";
const AGAIN_HINT = "Try again; https://health.aws.amazon.com tells of troubles in the region.";

/** Names the action that is missing, and the statement that allows it. */
function explainDenial(error: unknown, call: EcrCall, text: (found: string) => string): SlipwayError {
  const message = messageOf(error);
  const action = /perform:? ([a-z0-9-]+:\w+)/i.exec(message)?.[1] ?? `ecr:${call.operation}`;
  const who = /User: (\S+)/.exec(message)?.[1];
  const role = /on resource: (arn:\S+)/.exec(message)?.[1];
  const resource = action.startsWith("sts:") && role !== undefined ? role : resourceOf(action, call);
  const isExplicit = /explicit deny/i.test(message) || nameOf(error) === "BlockedByOrganizationPolicyException";
  const found = `${who ?? "the caller"} may not ${action}${isExplicit ? ", by an explicit deny" : ""}.`;
  const statement = JSON.stringify({ Effect: "Allow", Action: action, Resource: resource });
  const hint = isExplicit
    ? `A policy denies ${action}: a boundary, a service control policy, or the repository's own. Change that one.`
    : `Add to a policy of the caller: ${statement}. docs/iam.md has the whole policies.`;
  return wrong("REGISTRY_DENIED", text(found), hint, error);
}

/** GetAuthorizationToken takes no resource (Service Authorization Reference, Amazon ECR). */
function resourceOf(action: string, call: EcrCall): string {
  if (action === "ecr:GetAuthorizationToken" || call.repository === undefined) return "*";
  return `arn:${partitionOf(call.region)}:ecr:${call.region}:${call.account ?? "*"}:repository/${call.repository}`;
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

function explainKms(text: (found: string) => string, reason: string, cause: unknown): SlipwayError {
  const hint = "See that the key is enabled and that its policy lets ECR and the caller use it.";
  return wrong("ENCRYPTION_KEY", text(`the repository's KMS key cannot be used: ${reason}.`), hint, cause);
}

function explainArchived(place: string, reason: string): SlipwayError {
  const hint =
    "Restore it (aws ecr update-image-storage-class --target-storage-class STANDARD), or delete it: then it is built again.";
  return wrong("IMAGE_ARCHIVED", `${place}: the image is there and cannot be pulled: ${reason}.`, hint);
}

function wrong(code: SlipwayError["code"], text: string, hint: string, cause?: unknown): SlipwayError {
  return new SlipwayError({ code, text, hint, cause });
}

/** The exception's name, whatever threw it: `ExpiredToken`, `ECONNREFUSED`. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "Error";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return error.name === "Error" && code !== "" ? code : error.name;
}

function messageOf(error: unknown): string {
  return describeError(error).replace(/\.+$/, "");
}

function isNetworkError(error: unknown, name: string): boolean {
  const codes =
    /^(ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return /Timeout|NetworkingError|^5\d\d$/.test(name) || codes.test(name) || codes.test(code) || statusOf(error) >= 500;
}

function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return 0;
  return Number(metadata.httpStatusCode) || 0;
}
