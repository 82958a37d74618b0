import * as pulumi from "@pulumi/pulumi";
import { checkNames, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import type { Mounts } from "./mounts";
import { planNodeGroup, type NodeGroup } from "./node-groups";
import { programOf } from "./pulumi-program";
import { sandboxPod, type PodTemplate, type SandboxContent, type SandboxMounts } from "./sandbox-manifest";
import { planImage, type WarmImage } from "./warm-image";
import type { WarmPool } from "./warm-pool";

/** How an image is run. */
export interface PodArgs {
  /** Waits for the pool that holds the image, so that the pod meets no cold node. */
  readonly pool?: WarmPool;
  readonly command?: pulumi.Input<readonly pulumi.Input<string>[]>;
  readonly args?: pulumi.Input<readonly pulumi.Input<string>[]>;
  readonly env?: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
  /** As Kubernetes has them: `{ requests: { cpu: "1" }, limits: { memory: "2Gi" } }`. */
  readonly resources?: pulumi.Input<SandboxContent["resources"]>;
  /** How many NVIDIA GPUs; their nodes' usual taint is tolerated. */
  readonly gpus?: pulumi.Input<number>;
  /** On which nodes; default: any of the image's architectures. */
  readonly nodeGroup?: NodeGroup;
  /** Runs as this user and group, without any capability: what the restricted Pod Security level asks for. */
  readonly user?: pulumi.Input<number>;
  /** Default: none, and no token. */
  readonly serviceAccountName?: pulumi.Input<string>;
  readonly imagePullSecrets?: pulumi.Input<readonly pulumi.Input<string>[]>;
  readonly runtimeClassName?: pulumi.Input<string>;
  /** What brings the image's mounts. Default: of a Sandbox its own, of a pod template none. */
  readonly mounts?: Mounts;
}

export interface PodTemplateArgs extends PodArgs {
  /** Those that the Deployment selects by. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The pod template of an image, for a Deployment, StatefulSet or Job of one's own.
 *
 * @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE
 * @example
 * ```ts
 * const labels = { app: "api" };
 * const template = podTemplate("docker.io/library/nginx:1.27", { labels, user: 101 });
 * // new k8s.apps.v1.Deployment("api", { spec: { selector: { matchLabels: labels }, template } });
 * ```
 */
export function podTemplate(image: WarmImage, args: PodTemplateArgs): pulumi.Output<PodTemplate> {
  const { labels, ...pod } = args;
  return planPod({ text: "podTemplate(…)", callSite: readCallSite(podTemplate) }, image, pod, labels);
}

const POD_ARGUMENTS = [
  "pool",
  "command",
  "args",
  "env",
  "resources",
  "gpus",
  "nodeGroup",
  "user",
  "serviceAccountName",
  "imagePullSecrets",
  "runtimeClassName",
  "mounts",
];

/** The pod of an image, with its Outputs. */
export function planPod(
  call: Call,
  given: unknown,
  args: PodArgs,
  labels: Readonly<Record<string, string>>,
): pulumi.Output<PodTemplate> {
  checkNames(call, "argument", args, POD_ARGUMENTS);
  const image = planImage(call, given, programOf());
  const ref = args.pool === undefined ? image.ref : args.pool.refOf(call, given);
  const { command, args: words, env, resources, gpus, user } = args;
  const what = pulumi.all([ref, image.architectures, command, words, env, resources, gpus, user]);
  const { serviceAccountName, imagePullSecrets, runtimeClassName } = args;
  const nodeGroup =
    args.nodeGroup === undefined ? pulumi.output(undefined) : planNodeGroup(call, "the node group", args.nodeGroup);
  const how = pulumi.all([nodeGroup, serviceAccountName, imagePullSecrets, runtimeClassName]);
  const mounts = args.mounts === undefined ? pulumi.output(NO_MOUNTS) : mountsOf(args.mounts);
  return pulumi.all([what, how, mounts]).apply(([whats, hows, files]) => {
    const [reference, architectures, commandWords, argWords, variables, asked, gpuCount, userId] = whats;
    const [nodes, account, secrets, runtime] = hows;
    return sandboxPod(
      {
        reference,
        architectures,
        command: commandWords,
        args: argWords,
        env: variables ?? {},
        resources: asked ?? {},
        gpus: gpuCount ?? 0,
        user: userId,
        nodes,
        serviceAccountName: account,
        imagePullSecrets: secrets ?? [],
        runtimeClassName: runtime,
        mounts: files,
      },
      labels,
    );
  });
}

const NO_MOUNTS: SandboxMounts = { volumes: [], volumeMounts: [], initContainers: [], annotations: {} };

function mountsOf({ volumes, volumeMounts, initContainers, annotations }: Mounts): pulumi.Output<SandboxMounts> {
  return pulumi.all([volumes, volumeMounts, initContainers, annotations]).apply(([one, two, three, four]) => ({
    volumes: one,
    volumeMounts: two,
    initContainers: three,
    annotations: four,
  }));
}
