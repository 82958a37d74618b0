import type { DaemonSetManifest } from "../../provider/warm-manifest";
import { ARCHITECTURE_LABEL } from "../../provider/pod-manifest";
import type { NodeFacts, Placement } from "../../provider/node-facts";
import type { Cluster, DaemonSetFacts, PodFacts } from "../../provider/cluster";

/** A DaemonSet of an image for amd64, with every taint tolerated. */
export const FOR_AMD64: Placement = {
  expressions: [
    { key: ARCHITECTURE_LABEL, operator: "In", values: ["amd64"] },
    { key: "pool", operator: "In", values: ["cpu"] },
  ],
  tolerations: [{ operator: "Exists" }],
};

/** A cluster of which a test says what it answers. */
export class FakeCluster implements Cluster {
  readonly server = "https://fake:6443";
  readonly daemonSets = new Map<string, DaemonSetFacts>();
  readonly pods = new Map<string, PodFacts>();
  readonly unreadyNodes = new Set<string>();
  /** What it says of nodes of other architectures; `undefined`: that is nobody's business. */
  otherNodes: readonly NodeFacts[] | undefined = [];
  version = { major: 1, minor: 36 };
  runtimes: readonly string[] = ["containerd://2.2.4"];
  #onChange: () => void = () => undefined;

  readVersion() {
    return Promise.resolve(this.version);
  }

  readRuntimes() {
    return Promise.resolve(this.runtimes);
  }

  findDaemonSet(_namespace: string, name: string): Promise<DaemonSetFacts | undefined> {
    return Promise.resolve(this.daemonSets.get(name));
  }

  listDaemonSets(): Promise<readonly DaemonSetFacts[]> {
    return Promise.resolve([...this.daemonSets.values()]);
  }

  applyDaemonSet({ metadata: { name, annotations } }: DaemonSetManifest): Promise<DaemonSetFacts> {
    const generation = 1;
    const counts = { generation, observedGeneration: 1, desired: 0, ready: 0 };
    const facts = { name, uid: `uid-${name}`, ...counts, annotations, placement: FOR_AMD64 };
    this.daemonSets.set(name, facts);
    return Promise.resolve(facts);
  }

  removeDaemonSet(_namespace: string, name: string): Promise<void> {
    this.daemonSets.delete(name);
    return Promise.resolve();
  }

  readPodEvents(): Promise<ReadonlyMap<string, readonly string[]>> {
    return Promise.resolve(new Map());
  }

  findNodes(): Promise<readonly NodeFacts[] | undefined> {
    return Promise.resolve(this.otherNodes);
  }

  isNodeReady(name: string): Promise<boolean | undefined> {
    return Promise.resolve(!this.unreadyNodes.has(name));
  }

  followPods(
    _namespace: string,
    _labelSelector: string,
    onChange: (pods: ReadonlyMap<string, PodFacts>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#onChange = () => onChange(new Map(this.pods));
    this.#onChange();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** A DaemonSet for so many nodes. */
  setDaemonSet(name: string, desired: number, uid = `uid-${name}`): void {
    const counts = { generation: 1, observedGeneration: 1, desired, ready: 0 };
    this.daemonSets.set(name, { name, uid, ...counts, annotations: {}, placement: FOR_AMD64 });
  }

  setPod(daemonSet: string, node: string, state: "ready" | "pulling" | { reason: string; message: string }): void {
    const name = `${daemonSet}-${node}`;
    const waiting = typeof state === "string" ? undefined : state;
    this.pods.set(name, { name, node, owner: `uid-${daemonSet}`, isReady: state === "ready", waiting });
    this.#onChange();
  }
}
