import type { PlainNodeGroup, Toleration } from "./node-groups";
import { nodeAffinity, type Container, type PodSpec, type Volume, type VolumeMount } from "./pod-manifest";

/** What a sandbox runs, with every Output resolved. */
export interface SandboxContent {
  /** `<repository>@sha256:…`. */
  readonly reference: string;
  readonly architectures: readonly string[];
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly resources: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly gpus: number;
  readonly nodes: PlainNodeGroup | undefined;
  /** Runs as this user and may do nothing else than that, as the restricted Pod Security level asks. */
  readonly user: number | undefined;
  readonly serviceAccountName: string | undefined;
  readonly imagePullSecrets: readonly string[];
  readonly runtimeClassName: string | undefined;
  readonly mounts: SandboxMounts;
}

export interface SandboxMounts {
  readonly volumes: readonly Volume[];
  readonly volumeMounts: readonly VolumeMount[];
  readonly initContainers: readonly Container[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

const GPU = "nvidia.com/gpu";
const GPU_TAINT: Toleration = { key: GPU, operator: "Exists", effect: "NoSchedule" };

/** The pod of a sandbox. */
export function sandboxPod(content: SandboxContent, labels: Readonly<Record<string, string>>): PodTemplate {
  const { nodes, gpus, user, serviceAccountName, imagePullSecrets, runtimeClassName, mounts } = content;
  const tolerations = nodes?.tolerations ?? (gpus > 0 ? [GPU_TAINT] : []);
  const person = user === undefined ? {} : { runAsNonRoot: true, runAsUser: user, runAsGroup: user };
  return {
    metadata: { labels, annotations: mounts.annotations },
    spec: {
      ...(serviceAccountName === undefined ? { automountServiceAccountToken: false } : { serviceAccountName }),
      enableServiceLinks: false,
      securityContext: { ...person, seccompProfile: { type: "RuntimeDefault" } },
      ...(runtimeClassName === undefined ? {} : { runtimeClassName }),
      ...(imagePullSecrets.length === 0 ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
      affinity: nodeAffinity(content.architectures, nodes ?? { labels: [], tolerations: undefined }),
      ...(tolerations.length === 0 ? {} : { tolerations }),
      ...(mounts.initContainers.length === 0 ? {} : { initContainers: mounts.initContainers }),
      containers: [sandboxContainer(content)],
      ...(mounts.volumes.length === 0 ? {} : { volumes: mounts.volumes }),
    },
  };
}

function sandboxContainer({ reference, command, args, env, resources, gpus, user, mounts }: SandboxContent): Container {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  const limits = { ...resources.limits, ...(gpus === 0 ? {} : { [GPU]: String(gpus) }) };
  return {
    name: "sandbox",
    image: reference,
    imagePullPolicy: "IfNotPresent", // A digest never names anything else, so what is there is right.
    ...(command === undefined ? {} : { command }),
    ...(args === undefined ? {} : { args }),
    ...(variables.length === 0 ? {} : { env: variables.sort((a, b) => (a.name < b.name ? -1 : 1)) }),
    resources: {
      ...(resources.requests === undefined ? {} : { requests: resources.requests }),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      // root without capabilities is not the root that images expect: only who names a user gives them up.
      ...(user === undefined ? {} : { capabilities: { drop: ["ALL"] } }),
    },
    ...(mounts.volumeMounts.length === 0 ? {} : { volumeMounts: mounts.volumeMounts }),
  };
}
