import type { PlainNodeGroup, Toleration } from "./node-groups";

/** The part of a Kubernetes pod that Slipway writes. */
export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly seccompProfile?: { readonly type: "RuntimeDefault" };
  };
  readonly runtimeClassName?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly affinity?: NodeAffinity;
  readonly tolerations?: readonly Toleration[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: "IfNotPresent";
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly seccompProfile?: { readonly type: "RuntimeDefault" };
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop: readonly string[] };
  };
  readonly volumeMounts?: readonly VolumeMount[];
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

export type Volume = { readonly name: string } & (
  | { readonly image: { readonly reference: string; readonly pullPolicy: "IfNotPresent" } }
  | { readonly emptyDir: { readonly sizeLimit?: string } }
  | { readonly configMap: { readonly name: string; readonly items?: readonly ConfigMapItem[] } }
);

export interface ConfigMapItem {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export interface NodeExpression {
  readonly key: string;
  readonly operator: "In" | "NotIn";
  readonly values: readonly string[];
}

export interface NodeAffinity {
  readonly nodeAffinity: {
    readonly requiredDuringSchedulingIgnoredDuringExecution: {
      readonly nodeSelectorTerms: readonly { readonly matchExpressions: readonly NodeExpression[] }[];
    };
  };
}

/** A pod that may do nothing: what the restricted Pod Security level asks for, and less. */
export const restrictedPod = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 1,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65534,
    runAsGroup: 65534,
    seccompProfile: { type: "RuntimeDefault" },
  },
} as const;

/** A container that may do nothing, and takes next to nothing. */
export const restrictedContainer = {
  imagePullPolicy: "IfNotPresent",
  resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "16Mi" } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  },
} as const;

/** By this label kubelet tells its node's architecture. */
export const ARCHITECTURE_LABEL = "kubernetes.io/arch";

/**
 * The nodes of a group that can run an image: Linux, one of its architectures (any, where they are not known), and a
 * kubelet that keeps images.
 */
export function nodeAffinity(architectures: readonly string[], { labels }: PlainNodeGroup): NodeAffinity {
  const matchExpressions: readonly NodeExpression[] = [
    { key: "kubernetes.io/os", operator: "In", values: ["linux"] },
    ...(architectures.length === 0
      ? []
      : [{ key: ARCHITECTURE_LABEL, operator: "In" as const, values: [...architectures] }]),
    { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] },
    { key: "type", operator: "NotIn", values: ["virtual-kubelet"] },
    ...labels.map(({ key, values }) => ({ key, operator: "In" as const, values })),
  ];
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
    },
  };
}
