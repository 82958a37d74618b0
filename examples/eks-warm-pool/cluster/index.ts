import * as aws from "@pulumi/aws";
import * as eks from "@pulumi/eks";
import * as pulumi from "@pulumi/pulumi";

const nodeRole = new aws.iam.Role("nodes", {
  assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ec2.amazonaws.com" }),
  managedPolicyArns: ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"].map(
    (name) => `arn:aws:iam::aws:policy/${name}`,
  ),
});
const cluster = new eks.Cluster("cluster", { skipDefaultNodeGroup: true, instanceRoles: [nodeRole] });

const cpu = new eks.ManagedNodeGroup("cpu", {
  cluster,
  nodeRole,
  nodeGroupName: "cpu-workers",
  instanceTypes: ["m7i.xlarge"],
  scalingConfig: { minSize: 1, desiredSize: 2, maxSize: 10 },
});
const gpu = new eks.ManagedNodeGroup("gpu", {
  cluster,
  nodeRole,
  nodeGroupName: "gpu-workers",
  instanceTypes: ["g6.xlarge"],
  amiType: "AL2023_x86_64_NVIDIA",
  taints: [{ key: "nvidia.com/gpu", value: "present", effect: "NO_SCHEDULE" }],
  scalingConfig: { minSize: 0, desiredSize: 1, maxSize: 4 },
});

// What ../app takes by StackReference: the way in as a secret, the names in plain.
export const kubeconfig = pulumi.secret(cluster.kubeconfigJson);
export const nodeGroups = { cpu: cpu.nodeGroup.nodeGroupName, gpu: gpu.nodeGroup.nodeGroupName };
