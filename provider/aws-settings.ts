import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import type { AssumedRole } from "./ecr-address";
import { roleSchema } from "./located";
import type { ReadConfig } from "./settings";

/** What a stack's config says of AWS; the same keys that Pulumi's own AWS provider reads. */
export interface AwsSettings {
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly assumeRoles: readonly AssumedRole[];
}

const rolesSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.union([
    v.array(roleSchema),
    v.pipe(
      roleSchema,
      v.transform((role) => [role]),
    ),
  ]),
);

/**
 * Reads `aws:region`, `aws:profile` and `aws:assumeRoles` (or the older `aws:assumeRole`); for the region the
 * environment comes next.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function readAwsSettings(env: NodeJS.ProcessEnv, readConfig: ReadConfig): AwsSettings {
  const read = (text: string | undefined): string | undefined => (text === undefined || text === "" ? undefined : text);
  return {
    region: read(readConfig("region")) ?? read(env["AWS_REGION"]) ?? read(env["AWS_DEFAULT_REGION"]),
    profile: read(readConfig("profile")),
    assumeRoles: readRoles(read(readConfig("assumeRoles")) ?? read(readConfig("assumeRole"))),
  };
}

function readRoles(text: string | undefined): readonly AssumedRole[] {
  if (text === undefined) return [];
  const parsed = v.safeParse(rolesSchema, text);
  if (parsed.success) return parsed.output;
  throw new SlipwayError({
    code: "INVALID_ARGUMENT",
    text: `aws:assumeRoles: it is no list of roles: ${parsed.issues[0].message}.`,
    hint: 'Write [{ "roleArn": "arn:aws:iam::123456789012:role/deploy" }].',
  });
}
