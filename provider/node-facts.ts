import type { V1Node, V1PodSpec } from "@kubernetes/client-node";
import { ARCHITECTURE_LABEL } from "./pod-manifest";

/** A node, as far as the choice of nodes for an image is concerned. */
export interface NodeFacts {
  readonly name: string;
  readonly architecture: string;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
}

/** Which nodes a DaemonSet's pods may be on. */
export interface Placement {
  readonly expressions: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
  readonly tolerations: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly value?: string;
    readonly effect?: string;
  }[];
}

export function nodeFacts({ metadata, spec }: V1Node): NodeFacts {
  return {
    name: metadata?.name ?? "",
    architecture: metadata?.labels?.[ARCHITECTURE_LABEL] ?? "",
    taints: (spec?.taints ?? []).map(({ key, value = "", effect }) => ({ key, value, effect })),
  };
}

/** Read from the object itself: what is true of it is what the cluster was told. */
export function placementOf(pod: V1PodSpec | undefined): Placement {
  const required = pod?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const [term] = required?.nodeSelectorTerms ?? [];
  return {
    expressions: (term?.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({ key, operator, values })),
    tolerations: pod?.tolerations ?? [],
  };
}
