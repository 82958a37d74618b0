// What examples/eks-warm-pool/cluster uses of @pulumi/eks 4 and @pulumi/aws 7. The packages are 85 MB and deploy to AWS
// alone, so the clone does not install them: these few lines are what the checks see of them.

declare module "@pulumi/aws" {
  import type { CustomResource, Input } from "@pulumi/pulumi";
  export namespace iam {
    class Role extends CustomResource {
      constructor(name: string, args: { assumeRolePolicy: Input<string>; managedPolicyArns?: Input<string>[] });
    }
    function assumeRolePolicyForPrincipal(principal: { Service: string }): string;
  }
}

declare module "@pulumi/eks" {
  import type { iam } from "@pulumi/aws";
  import type { ComponentResource, Output } from "@pulumi/pulumi";
  export class Cluster extends ComponentResource {
    readonly kubeconfigJson: Output<string>;
    constructor(name: string, args: { skipDefaultNodeGroup?: boolean; instanceRoles?: iam.Role[] });
  }
  export class ManagedNodeGroup extends ComponentResource {
    readonly nodeGroup: Output<{ readonly nodeGroupName: Output<string> }> & { readonly nodeGroupName: Output<string> };
    constructor(
      name: string,
      args: {
        cluster: Cluster;
        nodeRole: iam.Role;
        nodeGroupName: string;
        instanceTypes: string[];
        amiType?: string;
        taints?: { key: string; value: string; effect: string }[];
        scalingConfig: { minSize: number; desiredSize: number; maxSize: number };
      },
    );
  }
}
