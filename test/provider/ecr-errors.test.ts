import { describe, expect, test } from "vitest";
import { explainEcrError, explainImageFailure, type EcrCall } from "../../provider/ecr-errors";
import type { ErrorCode } from "../../sdk/error";

const call: EcrCall = {
  operation: "PutImage",
  region: "us-west-2",
  account: "123456789012",
  repository: "images",
  place: "123456789012.dkr.ecr.us-west-2.amazonaws.com/images",
};

/** What the SDK throws. */
function thrown(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

describe("what a user meets", () => {
  test.each<[what: string, error: Error, code: ErrorCode, text: RegExp, hint: RegExp]>([
    [
      "no credentials",
      thrown("CredentialsProviderError", "Could not load credentials"),
      "AWS_CREDENTIALS",
      /no AWS credentials were found/,
      /aws sso login/,
    ],
    [
      "an expired session",
      thrown("ExpiredTokenException", "The security token included in the request is expired"),
      "AWS_CREDENTIALS",
      /have expired/,
      /Log in again/,
    ],
    [
      "unknown keys",
      thrown("UnrecognizedClientException", "The security token included in the request is invalid"),
      "AWS_CREDENTIALS",
      /does not accept the credentials/,
      /get-caller-identity/,
    ],
    [
      "a wrong clock",
      thrown("InvalidSignatureException", "Signature expired"),
      "AWS_CREDENTIALS",
      /Signature expired/,
      /clock/,
    ],
    [
      "a missing repository",
      thrown("RepositoryNotFoundException", "…"),
      "REPOSITORY_MISSING",
      /there is no such repository/,
      /create: true/,
    ],
    [
      "a quota",
      thrown("LimitExceededException", "The limit of 20000 images is exceeded"),
      "REGISTRY_QUOTA",
      /quota.*20000/,
      /Service Quotas/,
    ],
    [
      "a disabled key",
      thrown("KmsException", "The key is disabled"),
      "ENCRYPTION_KEY",
      /KMS key cannot be used: The key is disabled/,
      /key is enabled/,
    ],
    [
      "an archived image",
      thrown("ImageArchivedException", "The image is archived"),
      "IMAGE_ARCHIVED",
      /cannot be pulled/,
      /update-image-storage-class/,
    ],
    [
      "throttling to the end",
      thrown("ThrottlingException", "Rate exceeded"),
      "REGISTRY_UNAVAILABLE",
      /Rate exceeded/,
      /Try again/,
    ],
    [
      "no network",
      thrown("Error", "getaddrinfo ENOTFOUND api.ecr", { code: "ENOTFOUND" }),
      "REGISTRY_UNAVAILABLE",
      /cannot be reached/,
      /can reach AWS/,
    ],
    [
      "a server's failure",
      thrown("UnknownError", "…", { $metadata: { httpStatusCode: 502 } }),
      "REGISTRY_UNAVAILABLE",
      /cannot be reached/,
      /can reach AWS/,
    ],
    [
      "missing layers",
      thrown("LayersNotFoundException", "The layer does not exist"),
      "REGISTRY_ANSWER",
      /LayersNotFoundException/,
      /Try again/,
    ],
  ])("%s", (_what, error, code, text, hint) => {
    const explained = explainEcrError(error, call);
    expect(explained.code).toBe(code);
    expect(explained.text).toMatch(text);
    expect(explained.text).toContain(call.place);
    expect(explained.hint).toMatch(hint);
  });
});

describe("a denial", () => {
  const message = (rest: string) =>
    `User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: ${rest}`;

  test("names the action, and the statement that allows it on this repository", () => {
    const error = explainEcrError(
      thrown(
        "AccessDeniedException",
        message(
          "ecr:PutImage on resource: arn:aws:ecr:us-west-2:123456789012:repository/images because no identity-based policy allows the ecr:PutImage action",
        ),
      ),
      call,
    );
    expect(error.code).toBe("REGISTRY_DENIED");
    expect(error.message).toBe(
      `${call.place}: PutImage in us-west-2: arn:aws:sts::123456789012:assumed-role/ci/x may not ecr:PutImage. ` +
        `Add to a policy of the caller: {"Effect":"Allow","Action":"ecr:PutImage","Resource":"arn:aws:ecr:us-west-2:123456789012:repository/images"}. docs/iam.md has the whole policies.`,
    );
  });

  test("of a token is allowed on all resources: that action takes no other", () => {
    const error = explainEcrError(
      thrown("AccessDeniedException", message("ecr:GetAuthorizationToken on resource: *")),
      {
        ...call,
        operation: "GetAuthorizationToken",
        repository: undefined,
      },
    );
    expect(error.hint).toContain(`{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}`);
  });

  test("of a role is allowed on that role", () => {
    const role = "arn:aws:iam::210987654321:role/deploy";
    const error = explainEcrError(thrown("AccessDenied", message(`sts:AssumeRole on resource: ${role}`)), call);
    expect(error.hint).toContain(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"${role}"}`);
  });

  test("that is explicit is not mended by one more statement", () => {
    const error = explainEcrError(
      thrown(
        "AccessDeniedException",
        message("ecr:PutImage on resource: arn:x with an explicit deny in a service control policy"),
      ),
      call,
    );
    expect(error.text).toContain("by an explicit deny");
    expect(error.hint).not.toContain("Allow");
  });

  test("in China and in GovCloud names their partitions", () => {
    const hintIn = (region: string) => explainEcrError(thrown("AccessDeniedException", "no"), { ...call, region }).hint;
    expect(hintIn("cn-north-1")).toContain("arn:aws-cn:ecr:cn-north-1:");
    expect(hintIn("us-gov-west-1")).toContain("arn:aws-us-gov:ecr:us-gov-west-1:");
  });
});

test.each<[string, ErrorCode]>([
  ["ImageInaccessible", "IMAGE_ARCHIVED"],
  ["KmsError", "ENCRYPTION_KEY"],
  ["UpstreamUnavailable", "REGISTRY_UNAVAILABLE"],
  ["UpstreamAccessDenied", "REGISTRY_DENIED"],
  ["InvalidImageTag", "REGISTRY_ANSWER"],
])("an image that fails among others with %s is %s", (code, expected) => {
  expect(explainImageFailure(code, "why", call).code).toBe(expected);
});
