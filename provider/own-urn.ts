import * as pulumi from "@pulumi/pulumi";

/**
 * The URN that a resource will have, for lines beside it. A plain promise: as an Output it would carry a dependency on
 * the parent, which for a component means all of its children, the resource itself among them, and nothing would end.
 */
export function ownUrn(name: string, type: string, parent: pulumi.Resource | undefined): Promise<string> {
  if (parent === undefined) {
    return Promise.resolve(`urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::${type}::${name}`);
  }
  return new Promise((resolve) => void pulumi.createUrn(name, type, parent).apply(resolve));
}
