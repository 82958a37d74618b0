import { expect, test } from "vitest";
import { parseEcrHost } from "../../provider/ecr-address";

test.each([
  ["123456789012.dkr.ecr.us-west-2.amazonaws.com", "us-west-2"],
  ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"],
  ["123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
  ["123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1"],
  ["123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"],
  ["123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"],
  ["123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"],
])("%s is a registry of ECR in %s", (host, region) => {
  expect(parseEcrHost(host)).toEqual({ account: "123456789012", region });
});

test.each(["public.ecr.aws", "localhost:5000", "ghcr.io", "12345.dkr.ecr.us-west-2.amazonaws.com", "docker.io"])(
  "%s is none",
  (host) => expect(parseEcrHost(host)).toBeUndefined(),
);
