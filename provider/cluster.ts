import type { KubeConfig, KubernetesObject, V1DaemonSet, V1Pod } from "@kubernetes/client-node";
import { describeError, SlipwayError } from "../sdk/error";
import { followObjects, type ObjectPage, type ObjectSource, type OnChange, type PageOptions } from "./follow-objects";
import { nodeFacts, type NodeFacts } from "./node-facts";
import {
  daemonSetFacts,
  podFacts,
  pullMessage,
  type DaemonSetFacts,
  type PodFacts,
  type PullMessage,
} from "./object-facts";
import { restrictedContainer, restrictedPod } from "./pod-manifest";
import type { DaemonSetManifest } from "./warm-manifest";

/** What Slipway asks of a cluster. Failures are SlipwayErrors: CLUSTER_UNAVAILABLE, CLUSTER_DENIED. */
export interface Cluster {
  /** The address of its API server. */
  readonly server: string;
  readVersion(): Promise<{ readonly major: number; readonly minor: number }>;
  listDaemonSets(namespace: string, labelSelector: string): Promise<readonly DaemonSetFacts[]>;
  /** Creates or changes one, by server-side apply. */
  applyDaemonSet(manifest: DaemonSetManifest): Promise<DaemonSetFacts>;
  removeDaemonSet(namespace: string, name: string): Promise<void>;
  /** What runs the nodes' containers, for example `containerd://2.2.4`; empty where we may not know. */
  readRuntimes(): Promise<readonly string[]>;
  /** The nodes with labels that a selector names; `undefined` where we may not know. */
  findNodes(labelSelector: string): Promise<readonly NodeFacts[] | undefined>;
  /** Whether the API server leaves image volumes in what it is given; `undefined` where we may not try. */
  keepsImageVolumes(): Promise<boolean | undefined>;
  /** Whether a namespace is there; `undefined` where we may not know. */
  hasNamespace(name: string): Promise<boolean | undefined>;
  /** Whether a node is ready; `undefined` where we may not know. */
  isNodeReady(name: string): Promise<boolean | undefined>;
  /** Follows the DaemonSets of a namespace that carry a label, until the signal aborts; `onChange` gets all of them. */
  followDaemonSets(query: FollowQuery, onChange: OnChange<DaemonSetFacts>, signal: AbortSignal): Promise<void>;
  /** Follows the pods of a namespace that carry a label. */
  followPods(query: FollowQuery, onChange: OnChange<PodFacts>, signal: AbortSignal): Promise<void>;
  /** Follows what kubelet says of pods and their images; ends where we may not read it. */
  followPulls(namespace: string, onChange: OnChange<PullMessage>, signal: AbortSignal): Promise<void>;
}

export interface FollowQuery {
  readonly namespace: string;
  readonly labelSelector: string;
}

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
    // An API server may do as an older one does; EKS and GKE write "35+".
    const { major, minor, emulationMajor = major, emulationMinor = minor } = version;
    return { major: Number.parseInt(emulationMajor, 10), minor: Number.parseInt(emulationMinor, 10) };
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
      absent(api.patch<V1DaemonSet>(toClient(object), undefined, undefined, "slipway", true, strategy)),
    );
    if (applied !== undefined) return daemonSetFacts(applied);
    throw new SlipwayError({
      code: "CLUSTER_UNAVAILABLE",
      text: `the cluster at ${this.server} has no namespace ${metadata.namespace}.`,
      hint: "Make it, or name another one.",
    });
  }

  async removeDaemonSet(namespace: string, name: string): Promise<void> {
    const api = this.#config.makeApiClient(this.#kube.AppsV1Api);
    await this.#ask(`delete daemonsets in the namespace ${namespace}`, () =>
      absent(api.deleteNamespacedDaemonSet({ namespace, name })),
    );
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

  async keepsImageVolumes(): Promise<boolean | undefined> {
    const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
    const volumes = [{ name: "image", image: { reference: "localhost/none@sha256:" + "0".repeat(64) } }];
    const containers = [{ ...restrictedContainer, name: "probe", image: "localhost/none" }];
    const pod = { metadata: { generateName: "slipway-probe-" }, spec: { ...restrictedPod, containers, volumes } };
    try {
      const body: V1Pod = JSON.parse(JSON.stringify(pod));
      const { spec } = await api.createNamespacedPod({ namespace: "default", dryRun: "All", body });
      return spec && spec.volumes?.some(({ image }) => image !== undefined) === true;
    } catch {
      return undefined;
    }
  }

  async hasNamespace(name: string): Promise<boolean | undefined> {
    const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
    try {
      return (await absent(api.readNamespace({ name }))) !== undefined;
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

  async followDaemonSets(
    { namespace, labelSelector }: FollowQuery,
    onChange: OnChange<DaemonSetFacts>,
    signal: AbortSignal,
  ): Promise<void> {
    const api = this.#config.makeApiClient(this.#kube.AppsV1Api);
    const list = (page: PageOptions) => api.listNamespacedDaemonSet({ namespace, labelSelector, ...page });
    const where = { namespace, what: "daemonsets", group: "/apis/apps/v1", parameters: { labelSelector } };
    await followObjects(this.#source(where, list, daemonSetFacts), onChange, signal);
  }

  async followPods(
    { namespace, labelSelector }: FollowQuery,
    onChange: OnChange<PodFacts>,
    signal: AbortSignal,
  ): Promise<void> {
    const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
    const list = (page: PageOptions) => api.listNamespacedPod({ namespace, labelSelector, ...page });
    const where = { namespace, what: "pods", group: "/api/v1", parameters: { labelSelector } };
    await followObjects(this.#source(where, list, podFacts), onChange, signal);
  }

  async followPulls(namespace: string, onChange: OnChange<PullMessage>, signal: AbortSignal): Promise<void> {
    const api = this.#config.makeApiClient(this.#kube.CoreV1Api);
    const parameters = { fieldSelector: PULL_EVENTS };
    const list = (page: PageOptions) => api.listNamespacedEvent({ namespace, ...parameters, ...page });
    const where = { namespace, what: "events", group: "/api/v1", parameters };
    try {
      await followObjects(this.#source(where, list, pullMessage), onChange, signal);
    } catch {
      // They add time and size; whether a node is warm, its pod says.
    }
  }

  #source<O extends KubernetesObject, T>(
    { namespace, what, group, parameters }: Where,
    list: (page: PageOptions) => Promise<ObjectPage<O>>,
    read: (object: O) => T | undefined,
  ): ObjectSource<O, T> {
    const path = `${group}/namespaces/${encodeURIComponent(namespace)}/${what}`;
    return {
      listPage: (page) => this.#ask(`list ${what} in the namespace ${namespace}`, () => list(page)),
      watch: (since, onEvent, signal) =>
        this.#ask(`watch ${what} in the namespace ${namespace}`, () =>
          this.#watch(path, { ...parameters, resourceVersion: since }, onEvent, signal),
        ),
      nameOf: ({ metadata }) => metadata?.name ?? "",
      read,
    };
  }

  /** Ends when the server ends the watch, or the signal aborts. */
  async #watch<O>(
    path: string,
    parameters: Parameters,
    onEvent: (phase: string, object: O) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const watch = new this.#kube.Watch(this.#config);
    let stop = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        // A watch that was refused resolves, too: only this callback tells.
        const end = (error: unknown): void => (isRefusal(error) ? reject(error) : resolve());
        watch.watch(path, parameters, onEvent, end).then((controller) => {
          stop = () => controller.abort();
          signal.addEventListener("abort", stop, { once: true });
          if (signal.aborted) stop();
        }, reject);
      });
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #ask<T>(doing: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (cause) {
      const code =
        cause instanceof this.#kube.ApiException ? cause.code : isRefusal(cause) ? cause.statusCode : undefined;
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

type Parameters = Readonly<Record<string, string>>;

/** Where objects of a kind are. */
interface Where {
  readonly namespace: string;
  readonly what: string;
  readonly group: string;
  readonly parameters: Parameters;
}

/** Of a pod's events, those that may speak of an image: a field selector knows no "one of these". */
const PULL_EVENTS =
  "involvedObject.kind=Pod,reason!=Scheduled,reason!=Created,reason!=Started,reason!=Killing,reason!=Failed,reason!=BackOff";

/** What the client tells of a watch that was refused. One whose version is too old (410) begins again with a list. */
function isRefusal(error: unknown): error is Error & { readonly statusCode: number } {
  return error instanceof Error && "statusCode" in error && error.statusCode !== 410;
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

function unavailable(text: string, cause: unknown): SlipwayError {
  return new SlipwayError({
    code: "CLUSTER_UNAVAILABLE",
    text: `${text}.`,
    hint: "See that the kubeconfig is right, and that this machine reaches the cluster.",
    cause,
  });
}
