import * as pulumi from "@pulumi/pulumi";
import { ownUrn } from "./own-urn";
import { providerText } from "./provider-text";
import type { WarmWait } from "./watch-warm";
import type { GroupProgress, WarmTarget } from "./warm-progress";

export interface WarmGateArgs {
  readonly targets: pulumi.Input<readonly pulumi.Input<WarmTarget>[]>;
  readonly wait: WarmWait;
  /** Never stored. */
  readonly kubeconfig: pulumi.Input<string> | undefined;
  /** How each group reads, for the warning that no node matches. */
  readonly selectors: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
}

const TYPE = "pulumi-nodejs:dynamic/slipway:WarmGate";

/** The resource that waits for a pool: created or updated when its DaemonSets are, done when enough nodes are warm. */
export class WarmGate extends pulumi.CustomResource {
  declare readonly groups: pulumi.Output<Readonly<Record<string, GroupProgress>>>;

  constructor(name: string, args: WarmGateArgs, opts: pulumi.CustomResourceOptions) {
    const props = {
      targets: args.targets,
      wait: args.wait,
      selectors: args.selectors,
      groups: undefined,
      __kubeconfig: args.kubeconfig === undefined ? undefined : pulumi.secret(args.kubeconfig),
      __urn: ownUrn(name, TYPE, opts.parent),
      __provider: providerText("warmGate"),
    };
    super(TYPE, name, props, opts);
  }
}
