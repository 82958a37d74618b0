import type { Cluster, DaemonSetFacts, PodFacts } from "../../provider/cluster";

/** A cluster of which a test says what it answers. */
export class FakeCluster implements Cluster {
  readonly server = "https://fake:6443";
  readonly daemonSets = new Map<string, DaemonSetFacts>();
  readonly pods = new Map<string, PodFacts>();
  readonly unreadyNodes = new Set<string>();
  version = { major: 1, minor: 36 };
  #onChange: () => void = () => undefined;

  readVersion() {
    return Promise.resolve(this.version);
  }

  findDaemonSet(_namespace: string, name: string): Promise<DaemonSetFacts | undefined> {
    return Promise.resolve(this.daemonSets.get(name));
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
    this.daemonSets.set(name, { name, uid, generation: 1, observedGeneration: 1, desired });
  }

  setPod(daemonSet: string, node: string, state: "ready" | "pulling" | { reason: string; message: string }): void {
    const name = `${daemonSet}-${node}`;
    const waiting = typeof state === "string" ? undefined : state;
    this.pods.set(name, { name, node, owner: `uid-${daemonSet}`, isReady: state === "ready", waiting });
    this.#onChange();
  }
}
