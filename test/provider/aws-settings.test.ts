import { expect, test } from "vitest";
import { readAwsSettings } from "../../provider/aws-settings";

const read = (config: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) =>
  readAwsSettings(env, (name) => config[name]);

test("the stack's config comes before the environment", () => {
  expect(read({ region: "eu-west-1", profile: "ci" }, { AWS_REGION: "us-east-1" })).toEqual({
    region: "eu-west-1",
    profile: "ci",
    assumeRoles: [],
  });
  expect(read({}, { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-2" }).region).toBe("us-east-1");
  expect(read({}, { AWS_DEFAULT_REGION: "us-east-2" }).region).toBe("us-east-2");
});

test("roles are read from the list, and from the older single one", () => {
  const role = { roleArn: "arn:aws:iam::1:role/a", sessionName: "s", externalId: "e" };
  expect(read({ assumeRoles: JSON.stringify([{ ...role, durationSeconds: 900 }]) }).assumeRoles).toEqual([role]);
  expect(read({ assumeRole: JSON.stringify(role) }).assumeRoles).toEqual([role]);
});

test("roles that are none are an error that shows the form", () => {
  expect(() => read({ assumeRoles: "deploy" })).toThrow(/aws:assumeRoles: .*Write \[\{ "roleArn"/);
});
