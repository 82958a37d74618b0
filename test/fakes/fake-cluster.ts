import type { DaemonSetManifest } from "../../provider/warm-manifest";
import { ARCHITECTURE_LABEL } from "../../provider/pod-manifest";
import type { NodeFacts, Placement } from "../../provider/node-facts";
import type { Cluster, FollowQuery } from "../../provider/cluster";
import type { OnChange } from "../../provider/follow-objects";
import type { DaemonSetFacts, PodFacts, PullMessage } from "../../provider/object-facts";

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
  hasImageVolumes: boolean | undefined = true;
  runtimes: readonly string[] = ["containerd://2.2.4"];

  readVersion() {
    return Promise.resolve(this.version);
  }

  readRuntimes() {
    return Promise.resolve(this.runtimes);
  }

  listDaemonSets(): Promise<readonly DaemonSetFacts[]> {
    return Promise.resolve([...this.daemonSets.values()]);
  }

  applyDaemonSet({ metadata: { name, annotations } }: DaemonSetManifest): Promise<DaemonSetFacts> {
    const generation = 1;
    const counts = { generation, observedGeneration: 1, desired: 0, ready: 0 };
    const facts = { name, uid: `uid-${name}`, ...counts, annotations, placement: FOR_AMD64, holdsImage: true };
    this.daemonSets.set(name, facts);
    return Promise.resolve(facts);
  }

  removeDaemonSet(_namespace: string, name: string): Promise<void> {
    this.daemonSets.delete(name);
    return Promise.resolve();
  }

  findNodes(): Promise<readonly NodeFacts[] | undefined> {
    return Promise.resolve(this.otherNodes);
  }

  keepsImageVolumes(): Promise<boolean | undefined> {
    return Promise.resolve(this.hasImageVolumes);
  }

  hasNamespace(): Promise<boolean | undefined> {
    return Promise.resolve(true);
  }

  isNodeReady(name: string): Promise<boolean | undefined> {
    return Promise.resolve(!this.unreadyNodes.has(name));
  }

  followDaemonSets(_query: FollowQuery, onChange: OnChange<DaemonSetFacts>, signal: AbortSignal): Promise<void> {
    onChange(this.daemonSets);
    return ended(signal);
  }

  followPods(_query: FollowQuery, onChange: OnChange<PodFacts>, signal: AbortSignal): Promise<void> {
    onChange(this.pods);
    return ended(signal);
  }

  followPulls(_namespace: string, onChange: OnChange<PullMessage>, signal: AbortSignal): Promise<void> {
    onChange(new Map());
    return ended(signal);
  }

  /** A DaemonSet for so many nodes. */
  setDaemonSet(name: string, desired: number, uid = `uid-${name}`, holdsImage = true): void {
    const counts = { generation: 1, observedGeneration: 1, desired, ready: 0 };
    this.daemonSets.set(name, { name, uid, ...counts, annotations: {}, placement: FOR_AMD64, holdsImage });
  }

  setPod(daemonSet: string, node: string, state: "ready" | "pulling" | { reason: string; message: string }): void {
    const name = `${daemonSet}-${node}`;
    const waiting = typeof state === "string" ? undefined : state;
    this.pods.set(name, { name, node, owner: `uid-${daemonSet}`, isReady: state === "ready", waiting });
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
