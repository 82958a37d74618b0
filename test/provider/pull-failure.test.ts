import { expect, test } from "vitest";
import { explainWaiting } from "../../provider/pull-failure";

const REF = "localhost:5000/images@sha256:aa";
const pulling = `rpc error: code = NotFound desc = failed to pull and unpack image "${REF}": failed to resolve image: ${REF}: not found`;

test("a container that is only being made has not failed", () => {
  expect(explainWaiting("ContainerCreating", "")).toBeUndefined();
  expect(explainWaiting("PodInitializing", "")).toBeUndefined();
});

test("a failed pull and the pause after it are one failure", () => {
  const failed = explainWaiting("ErrImagePull", pulling);
  expect(explainWaiting("ImagePullBackOff", `Back-off pulling image "${REF}": ErrImagePull: ${pulling}`)).toEqual(
    failed,
  );
  expect(failed).toEqual({ cause: "the registry does not have it", definite: true });
});

test.each([
  ["no match for platform in manifest: not found", "the image is for another architecture", true],
  [
    "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
    "the registry does not let the node in (see imagePullSecrets, or the node's role)",
    true,
  ],
  [
    'failed to do request: Head "https://h/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    "the node cannot reach the registry",
    false,
  ],
  [
    'failed to generate container "a" spec: failed to generate spec: failed to mkdir "": mkdir : no such file or directory',
    'the node\'s container runtime has no image volumes (mechanism "exec" does without)',
    true,
  ],
  ["write /var/lib/x: no space left on device", "the node's disk is full", false],
  [
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "the node does not trust the registry's certificate",
    false,
  ],
])("%s is said in plain words", (message, cause, definite) => {
  expect(explainWaiting("ErrImagePull", message)).toEqual({ cause, definite });
});

test("a reference that is none, which the API server takes, has failed for good", () => {
  expect(explainWaiting("InvalidImageName", "Failed to apply default image tag")).toEqual({
    cause: "the reference is malformed",
    definite: true,
  });
});

test("what nobody foresaw is said in the node's own words", () => {
  expect(explainWaiting("CreateContainerError", "something odd")).toEqual({
    cause: "CreateContainerError: something odd",
    definite: false,
  });
});
