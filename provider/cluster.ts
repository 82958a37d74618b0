import type { KubeConfig, V1DaemonSet, V1Pod } from "@kubernetes/client-node";
import { describeError, SlipwayError } from "../sdk/error";
import { nodeFacts, placementOf, type NodeFacts, type Placement } from "./node-facts";
import type { DaemonSetManifest } from "./warm-manifest";

/** A pod, as far as warming an image is concerned. */
export interface PodFacts {
  readonly name: string;
  readonly node: string;
  readonly isReady: boolean;
  /** Why its container does not run yet. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  /** The UID of the DaemonSet that it belongs to. */
  readonly owner: string;
}

export interface DaemonSetFacts {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly observedGeneration: number;
  /** How many nodes are to run it. */
  readonly desired: number;
  /** How many of them do. */
  readonly ready: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly placement: Placement;
}

/** What Slipway asks of a cluster. Failures are SlipwayErrors: CLUSTER_UNAVAILABLE, CLUSTER_DENIED. */
export interface Cluster {
  /** The address of its API server. */
  readonly server: string;
  readVersion(): Promise<{ readonly major: number; readonly minor: number }>;
  findDaemonSet(namespace: string, name: string): Promise<DaemonSetFacts | undefined>;
  listDaemonSets(namespace: string, labelSelector: string): Promise<readonly DaemonSetFacts[]>;
  /** Creates or changes one, by server-side apply. */
  applyDaemonSet(manifest: DaemonSetManifest): Promise<DaemonSetFacts>;
  removeDaemonSet(namespace: string, name: string): Promise<void>;
  /** The messages of the events of pods, by pod; empty where we may not read them. */
  readPodEvents(namespace: string): Promise<ReadonlyMap<string, readonly string[]>>;
  /** What runs the nodes' containers, for example `containerd://2.2.4`; empty where we may not know. */
  readRuntimes(): Promise<readonly string[]>;
  /** The nodes with labels that a selector names; `undefined` where we may not know. */
  findNodes(labelSelector: string): Promise<readonly NodeFacts[] | undefined>;
  /** Whether a node is ready; `undefined` where we may not know. */
  isNodeReady(name: string): Promise<boolean | undefined>;
  /** Follows the pods of a namespace that carry a label, until the signal aborts; `onChange` gets all of them. */
  followPods(
    namespace: string,
    labelSelector: string,
    onChange: (pods: ReadonlyMap<string, PodFacts>) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const PAGE = 500;

/**
 * The cluster that a kubeconfig leads to: its text, or the path of a file.
 *
 * @throws SlipwayError CLUSTER_UNAVAILABLE
 */
export async function openCluster(kubeconfig: string): Promise<Cluster> {
  // 0.6 s to load: only who waits for a cluster pays for it.
  const kube = await import("@kubernetes/client-node");
  const config = new kube.KubeConfig();
  try {
    if (kubeconfig.includes("\n") || kubeconfig.trimStart().startsWith("{")) config.loadFromString(kubeconfig);
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw unavailable(`the kubeconfig cannot be read: ${describeError(cause)}`, cause);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw unavailable("the kubeconfig names no current cluster", undefined);
  return new KubeCluster(kube, config, server);
}

class KubeCluster implements Cluster {
  readonly server: string;
  readonly #kube: typeof import("@kubernetes/client-node");
  readonly #config: KubeConfig;

  constructor(kube: typeof import("@kubernetes/client-node"), config: KubeConfig, server: string) {
    this.#kube = kube;
    this.#config = config;
    this.server = server;
  }

  async readVersion(): Promise<{ readonly major: number; readonly minor: number }> {
    const version = await this.#ask("read its version", () =>
      this.#config.makeApiClient(this.#kube.VersionApi).getCode(),
    );
    // EKS and GKE write "35+".
    return { major: Number.parseInt(version.major, 10), minor: Number.parseInt(version.minor, 10) };
  }

  async findDaemonSet(namespace: string, name: string): Promise<DaemonSetFacts | undefined> {
    const api = this.#config.makeApiClient(this.#kube.AppsV1Api);
    const found = await this.#ask(`get daemonsets in the namespace ${namespace}`, () =>
      absent(api.readNamespacedDaemonSet({ namespace, name })),
    );
    return found === undefined ? undefined : daemonSetFacts(found);
  }

  async listDaemonSets(namespace: string, labelSelector: string): Promise<readonly DaemonSetFacts[]> {
    const api = this.#config.makeApiClient(this.#kube.AppsV1Api);
    const list = await this.#ask(`list daemonsets in the namespace ${namespace}`, () =>
      api.listNamespacedDaemonSet({ namespace, labelSelector }),
    );
    return list.items.map(daemonSetFacts);
  }

  async applyDaemonSet({ metadata, spec }: DaemonSetManifest): Promise<DaemonSetFacts> {
    const api = this.#kube.KubernetesObjectApi.makeApiClient(this.#config);
    const object = { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec };
    const strategy = this.#kube.PatchStrategy.ServerSideApply;
    const applied = await this.#ask(`create and patch daemonsets in the namespace ${metadata.namespace}`, () =>
      api.patch<V1DaemonSet>(toClient(object), undefined, undefined, "slipway", true, strategy),
    );
    return daemonSetFacts(applied);
  }

  async removeDaemonSet(namespace: string, name: string): Promise<void> {
    const api = this.#config.makeApiClient(this.#kube.AppsV1Api);
    await this.#ask(`delete daemonsets in the namespace ${namespace}`, () =>
      absent(api.deleteNamespacedDaemonSet({ namespace, name })),
    );
  }

  async readPodEvents(namespace: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const messages = new Map<string, string[]>();
    try {
      const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
      const { items } = await api.listNamespacedEvent({ namespace, fieldSelector: "involvedObject.kind=Pod" });
      for (const { involvedObject, message } of items) {
        const pod = involvedObject.name ?? "";
        messages.set(pod, [...(messages.get(pod) ?? []), message ?? ""]);
      }
    } catch {
      // They add time and size; whether a node is warm, its pod says.
    }
    return messages;
  }

  async readRuntimes(): Promise<readonly string[]> {
    try {
      const { items } = await this.#config.makeApiClient(this.#kube.CoreV1Api).listNode();
      return items.map(({ status }) => status?.nodeInfo?.containerRuntimeVersion ?? "");
    } catch {
      return [];
    }
  }

  async findNodes(labelSelector: string): Promise<readonly NodeFacts[] | undefined> {
    try {
      const { items } = await this.#config.makeApiClient(this.#kube.CoreV1Api).listNode({ labelSelector });
      return items.map(nodeFacts);
    } catch {
      return undefined;
    }
  }

  async isNodeReady(name: string): Promise<boolean | undefined> {
    try {
      const node = await this.#config.makeApiClient(this.#kube.CoreV1Api).readNode({ name });
      return node.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
    } catch {
      return undefined; // A user who may not see nodes still gets pods warm.
    }
  }

  async followPods(
    namespace: string,
    labelSelector: string,
    onChange: (pods: ReadonlyMap<string, PodFacts>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const pods = new Map<string, PodFacts>();
      const since = await this.#listPods(namespace, labelSelector, pods);
      onChange(pods);
      await this.#watchPods({ namespace, labelSelector, since }, pods, () => onChange(pods), signal);
    }
  }

  /** Fills the map, page by page: a pool has a pod for each image and node. */
  async #listPods(namespace: string, labelSelector: string, pods: Map<string, PodFacts>): Promise<string> {
    const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
    let next: string | undefined;
    let since = "";
    do {
      const page = await this.#ask(`list pods in the namespace ${namespace}`, () =>
        api.listNamespacedPod({
          namespace,
          labelSelector,
          limit: PAGE,
          ...(next === undefined ? {} : { _continue: next }),
        }),
      );
      for (const pod of page.items) pods.set(pod.metadata?.name ?? "", podFacts(pod));
      since = page.metadata?.resourceVersion ?? "";
      next = page.metadata?._continue === "" ? undefined : page.metadata?._continue;
    } while (next !== undefined);
    return since;
  }

  /** Ends when the server ends the watch, as it does every few minutes; then the list is read anew. */
  async #watchPods(
    query: { readonly namespace: string; readonly labelSelector: string; readonly since: string },
    pods: Map<string, PodFacts>,
    onChange: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const watch = new this.#kube.Watch(this.#config);
    const parameters = { labelSelector: query.labelSelector, resourceVersion: query.since };
    const path = `/api/v1/namespaces/${encodeURIComponent(query.namespace)}/pods`;
    await new Promise<void>((resolve) => {
      const onEvent = (phase: string, pod: V1Pod): void => {
        const name = pod.metadata?.name ?? "";
        if (phase === "DELETED") pods.delete(name);
        else if (phase === "ADDED" || phase === "MODIFIED") pods.set(name, podFacts(pod));
        onChange();
      };
      watch
        .watch(path, parameters, onEvent, () => resolve())
        .then(
          (controller) => signal.addEventListener("abort", () => controller.abort(), { once: true }),
          () => setTimeout(resolve, 1_000),
        );
    });
  }

  async #ask<T>(doing: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (cause) {
      const code = cause instanceof this.#kube.ApiException ? cause.code : undefined;
      if (code === 401 || code === 403) {
        throw new SlipwayError({
          code: "CLUSTER_DENIED",
          text: `the cluster at ${this.server} does not let this kubeconfig's user ${doing} (${code}).`,
          hint: "Ask for that verb, or give another kubeconfig.",
          cause,
        });
      }
      throw unavailable(`the cluster at ${this.server} cannot be asked: ${describeError(cause)}`, cause);
    }
  }
}

/** `undefined` for what is not there. */
async function absent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === 404) return undefined;
    throw error;
  }
}

/** What we write, as the client's own classes: it sends JSON, and both are that. */
function toClient(object: object): V1DaemonSet {
  const copy: V1DaemonSet = JSON.parse(JSON.stringify(object));
  return copy;
}

function daemonSetFacts({ metadata, spec, status }: V1DaemonSet): DaemonSetFacts {
  return {
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    generation: metadata?.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? -1,
    desired: status?.desiredNumberScheduled ?? 0,
    ready: status?.numberReady ?? 0,
    annotations: metadata?.annotations ?? {},
    placement: placementOf(spec?.template.spec),
  };
}

function podFacts({ metadata, spec, status }: V1Pod): PodFacts {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = statuses.map(({ state }) => state?.waiting).find((state) => state?.reason !== undefined);
  return {
    name: metadata?.name ?? "",
    node: spec?.nodeName ?? "",
    isReady: status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true,
    waiting: waiting === undefined ? undefined : { reason: waiting.reason ?? "", message: waiting.message ?? "" },
    owner: metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? "",
  };
}

function unavailable(text: string, cause: unknown): SlipwayError {
  return new SlipwayError({
    code: "CLUSTER_UNAVAILABLE",
    text: `${text}.`,
    hint: "See that the kubeconfig is right, and that this machine reaches the cluster.",
    cause,
  });
}
