import { expect, test } from "vitest";
import { explainBuildDenial } from "../../provider/ecr-denial";

const repository = { host: "123456789012.dkr.ecr.eu-west-1.amazonaws.com", path: "team/images" };
const arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/images";

test("ECR's own words in BuildKit's error name who may not do what, and the statement to add", () => {
  const error = explainBuildDenial(
    `failed to solve: failed to push ${repository.host}/team/images: denied: User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: ${arn} because no identity-based policy allows the ecr:InitiateLayerUpload action`,
    repository,
  );
  expect(error?.code).toBe("REGISTRY_DENIED");
  expect(error?.message).toBe(
    `${repository.host}/team/images: InitiateLayerUpload in eu-west-1: arn:aws:iam::1:user/ci may not ecr:InitiateLayerUpload. ` +
      `Add to a policy of the caller: {"Effect":"Allow","Action":"ecr:InitiateLayerUpload","Resource":"${arn}"}. docs/iam.md has the whole policies.`,
  );
});

test("a base that may not be pulled is told by its own repository", () => {
  const error = explainBuildDenial(
    `failed to resolve source metadata: User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:BatchGetImage on resource: ${arn.replace("images", "base")} because it is so`,
    repository,
  );
  expect(error?.hint).toContain(`"Resource":"${arn.replace("images", "base")}"`);
});

test.each([
  ["HEAD", "blobs/sha256:00", "BatchCheckLayerAvailability"],
  ["HEAD", "manifests/sha256:00", "BatchGetImage"],
  ["POST", "blobs/uploads/", "InitiateLayerUpload"],
  ["PUT", "blobs/uploads/1?digest=x", "CompleteLayerUpload"],
  ["PUT", "manifests/sha256:00", "PutImage"],
])("a %s of %s that was answered without a word names ecr:%s", (method, path, action) => {
  const url = `https://${repository.host}/v2/team/images/${path}`;
  const text = `failed to push ${repository.host}/team/images: unexpected status from ${method} request to ${url}: 403 Forbidden`;
  expect(explainBuildDenial(text, repository)?.hint).toContain(
    `{"Effect":"Allow","Action":"ecr:${action}","Resource":"${arn}"}`,
  );
  expect(explainBuildDenial(text, { host: "ghcr.io", path: "team/images" })).toBeUndefined();
});

test("a build that failed otherwise is no denial", () => {
  expect(
    explainBuildDenial('process "/bin/sh -c false" did not complete successfully: exit code: 1', repository),
  ).toBeUndefined();
});
