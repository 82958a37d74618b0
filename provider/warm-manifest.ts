import { createHash } from "node:crypto";
import type { PlainNodeGroup, Toleration } from "./node-groups";
import { nodeAffinity, restrictedContainer, restrictedPod, type PodSpec } from "./pod-manifest";

/** How an image is brought to a node and held there. */
export type Mechanism = "imageVolume" | "exec";

/** Which image of which pool on which group. */
export interface WarmIdentity {
  /** `project/stack`. */
  readonly stack: string;
  readonly pool: string;
  readonly group: string;
  /** Which of the pool's images: stays the same when its content changes. */
  readonly key: string;
  /** What tells two contents apart: an image's hash, or a digest's digits. */
  readonly hash: string;
}

/** What is put on the nodes, and how. */
export interface WarmContent {
  /** `<repository>@sha256:…`. */
  readonly reference: string;
  readonly architectures: readonly string[];
  readonly nodes: PlainNodeGroup;
  /** The image that sleeps, by digest. */
  readonly pause: string;
  readonly mechanism: Mechanism;
  readonly imagePullSecrets: readonly string[];
  readonly runtimeClassName: string | undefined;
}

export interface DaemonSetMetadata {
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface DaemonSetSpec {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly updateStrategy: {
    readonly type: "RollingUpdate";
    readonly rollingUpdate: { readonly maxUnavailable: string };
  };
  readonly revisionHistoryLimit: number;
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: PodSpec;
  };
}

/** An object of ours, as it is applied. */
export interface DaemonSetManifest {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: DaemonSetSpec;
}

/** Tells the pods of one DaemonSet from all others. */
const INSTANCE_LABEL = "app.kubernetes.io/instance";
const NAME_LABEL = "app.kubernetes.io/name";
const MANAGED_LABEL = "app.kubernetes.io/managed-by";
const EVERY_TAINT: readonly Toleration[] = [{ operator: "Exists" }];

/**
 * Without a name: Pulumi makes one that no other object ever had. With a name of our own, an update that failed and was
 * then taken back would make the object anew that Pulumi is about to delete.
 */
export function warmMetadata(identity: WarmIdentity, namespace: string | undefined): DaemonSetMetadata {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    labels: labelsOf(identity),
    annotations: {
      // One resource of ours waits for all DaemonSets at once. Pulumi's own waiting knows neither causes nor shares.
      "pulumi.com/skipAwait": "true",
      "slipway/pool": identity.pool,
      "slipway/group": identity.group,
      "slipway/image": identity.key,
      "slipway/hash": identity.hash,
    },
  };
}

/** The DaemonSet that brings one image to the nodes of one group, and holds it there. */
export function warmSpec(identity: WarmIdentity, content: WarmContent): DaemonSetSpec {
  return {
    selector: { matchLabels: { [INSTANCE_LABEL]: instanceOf(identity) } },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
    revisionHistoryLimit: 1,
    template: { metadata: { labels: labelsOf(identity) }, spec: warmPod(content) },
  };
}

/** The Pulumi name of an image on a group: the same whatever the content, and the beginning of the DaemonSet's name. */
export function warmResourceName(pool: string, group: string, key: string): string {
  const name = `${pool}-${group}-${key}`;
  // Pulumi appends nine characters.
  if (name.length <= 54 && slug(name) === name) return name;
  const id = createHash("sha256").update(name).digest("hex").slice(0, 6);
  return `${slug(name).slice(0, 47).replace(/-+$/, "")}-${id}`;
}

/**
 * A label of at most 63 characters that no other stack, pool, group or image has, and that changes with the content. A
 * DaemonSet cannot change what it selects by: the new one stands beside the old one until it is warm.
 */
function instanceOf({ stack, pool, group, key, hash }: WarmIdentity): string {
  const readable = slug(`${pool}-${group}-${key}-${stack.slice(stack.lastIndexOf("/") + 1)}`);
  const id = createHash("sha256")
    .update(JSON.stringify([stack, pool, group, key]))
    .digest("hex")
    .slice(0, 6);
  return `${readable.slice(0, 45).replace(/-+$/, "")}-${id}-${hash.slice(0, 10)}`;
}

function labelsOf(identity: WarmIdentity): Readonly<Record<string, string>> {
  return { [NAME_LABEL]: "warm-image", [INSTANCE_LABEL]: instanceOf(identity), [MANAGED_LABEL]: "slipway" };
}

function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return plain === "" ? "warm" : plain;
}

function warmPod(content: WarmContent): PodSpec {
  const { nodes, imagePullSecrets, runtimeClassName } = content;
  return {
    ...restrictedPod,
    ...(runtimeClassName === undefined ? {} : { runtimeClassName }),
    ...(imagePullSecrets.length === 0 ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    affinity: nodeAffinity(content.architectures, nodes),
    tolerations: nodes.tolerations ?? EVERY_TAINT,
    ...holdImage(content),
  };
}

function holdImage({
  mechanism,
  pause,
  reference,
}: WarmContent): Pick<PodSpec, "initContainers" | "containers" | "volumes"> {
  switch (mechanism) {
    case "imageVolume": {
      // Nothing of the image runs. What a container mounts, kubelet's image garbage collection spares.
      const volumeMounts = [{ name: "image", mountPath: "/image", readOnly: true }];
      return {
        containers: [{ ...restrictedContainer, name: "pause", image: pause, volumeMounts }],
        // With "Always" kubelet would ask the registry at every look at the pod.
        volumes: [{ name: "image", image: { reference, pullPolicy: "IfNotPresent" } }],
      };
    }
    case "exec": {
      const writable = { name: "pause", mountPath: "/slipway" };
      const args = ["/slipway/pause"];
      return {
        initContainers: [{ ...restrictedContainer, name: "bring-pause", image: pause, args, volumeMounts: [writable] }],
        containers: [
          {
            ...restrictedContainer,
            name: "pause",
            image: reference,
            command: ["/slipway/pause"],
            // An image made for GPUs asks for all of them, by its environment.
            env: [{ name: "NVIDIA_VISIBLE_DEVICES", value: "void" }],
            volumeMounts: [{ ...writable, readOnly: true }],
          },
        ],
        volumes: [{ name: "pause", emptyDir: { sizeLimit: "64Ki" } }],
      };
    }
  }
}
