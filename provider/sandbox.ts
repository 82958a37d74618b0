import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { kubernetesClass } from "./kubernetes-package";
import { mayHaveMounts } from "./mount-source";
import { Mounts, planMounts } from "./mounts";
import { planPod, type PodArgs } from "./pod-template";
import type { WarmImage } from "./warm-image";

export interface SandboxArgs extends PodArgs {
  readonly image: WarmImage;
  /** Default: the provider's. */
  readonly namespace?: pulumi.Input<string>;
}

/**
 * One running container of an image, with its mounts: a Deployment of one replica.
 *
 * @example
 * ```ts
 * const image = new BuiltImage("dev", { image: Image.debianSlim("3.11").pipInstall(["ipython"]) });
 * const sandbox = new Sandbox("dev", { image, command: ["sleep", "infinity"], nodeGroup: { eks: "gpu" }, gpus: 1 });
 * export const name = sandbox.name;
 * ```
 */
export class Sandbox extends pulumi.ComponentResource {
  /** The Deployment's name, for `kubectl exec deploy/<name> -it -- bash`. */
  readonly name: pulumi.Output<string>;
  readonly namespace: pulumi.Output<string>;

  /** @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE, PACKAGE_MISSING */
  constructor(name: string, args: SandboxArgs, opts?: pulumi.ComponentResourceOptions) {
    const call: Call = { text: `new Sandbox(${JSON.stringify(name)}, …)`, callSite: readCallSite(Sandbox) };
    const { image, namespace, ...pod } = args;
    const called = sandboxName(pulumi.getProject(), pulumi.getStack(), name);
    const labels = {
      "app.kubernetes.io/name": "sandbox",
      "app.kubernetes.io/instance": called,
      "app.kubernetes.io/managed-by": "slipway",
    };
    const isOwn = pod.mounts === undefined && mayHaveMounts(image);
    const own = { image, ...(namespace === undefined ? {} : { namespace }) };
    if (isOwn) planMounts(call, own); // Here an error has the user's line.
    super("slipway:index:Sandbox", name, {}, opts);
    const mounts = isOwn ? { mounts: new Mounts(`${name}-mounts`, own, { parent: this }) } : {};
    const template = planPod(call, image, { ...pod, ...mounts }, labels);
    const metadata = { name: called, labels, ...(namespace === undefined ? {} : { namespace }) };
    const spec = {
      replicas: 1,
      // Two at once would need two GPUs.
      strategy: { type: "Recreate" },
      revisionHistoryLimit: 1,
      selector: { matchLabels: { "app.kubernetes.io/instance": called } },
      template,
    };
    const deployment = kubernetesClass("Deployment")(name, { metadata, spec }, { parent: this });
    this.name = deployment.metadata.apply((made) => made.name);
    this.namespace = deployment.metadata.apply((made) => made.namespace);
    this.registerOutputs({ name: this.name, namespace: this.namespace });
  }
}

/** The same for each run of a stack, and another one for every other stack and sandbox. */
function sandboxName(project: string, stack: string, name: string): string {
  const id = createHash("sha256")
    .update(JSON.stringify([project, stack, name]))
    .digest("hex")
    .slice(0, 8);
  const readable = `${name}-${stack.slice(stack.lastIndexOf("/") + 1)}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return `${readable.slice(0, 40).replace(/^-+|-+$/g, "")}-${id}`.replace(/^-/, "s");
}
