import type { Cluster } from "./cluster";
import type { DaemonSetFacts, PodFacts, PullMessage } from "./object-facts";

const SELECTOR = "app.kubernetes.io/name=warm-image,app.kubernetes.io/managed-by=slipway";

/** Whether to follow what kubelet says of pulls, too. */
export type Pulls = "followed" | "left out";

/** What keeps images warm in some namespaces, kept up to date in the background until the signal aborts. */
export class WarmFollower {
  /** Done when all of it has been read once, or failed. */
  readonly isRead: Promise<void>;
  readonly #daemonSets = new Map<string, ReadonlyMap<string, DaemonSetFacts>>();
  readonly #pods = new Map<string, ReadonlyMap<string, PodFacts>>();
  readonly #pulls = new Map<string, ReadonlyMap<string, PullMessage>>();
  #failure: Error | undefined;

  constructor(namespaces: readonly string[], cluster: Cluster, pulls: Pulls, signal: AbortSignal) {
    const reads = [...new Set(namespaces)].flatMap((namespace) => {
      const query = { namespace, labelSelector: SELECTOR };
      return [
        this.#keep(this.#daemonSets, namespace, (onChange) => cluster.followDaemonSets(query, onChange, signal)),
        this.#keep(this.#pods, namespace, (onChange) => cluster.followPods(query, onChange, signal)),
        ...(pulls === "left out"
          ? []
          : [this.#keep(this.#pulls, namespace, (onChange) => cluster.followPulls(namespace, onChange, signal))]),
      ];
    });
    this.isRead = Promise.all(reads).then(() => undefined);
  }

  /** Done at the first report, or at the end. */
  #keep<T>(
    into: Map<string, ReadonlyMap<string, T>>,
    namespace: string,
    follow: (onChange: (objects: ReadonlyMap<string, T>) => void) => Promise<void>,
  ): Promise<void> {
    return new Promise((resolve) => {
      const onChange = (objects: ReadonlyMap<string, T>): void => {
        into.set(namespace, objects);
        resolve();
      };
      follow(onChange)
        .catch((error: unknown) => {
          this.#failure ??= error instanceof Error ? error : new Error(String(error));
        })
        .finally(resolve);
    });
  }

  daemonSet(namespace: string, name: string): DaemonSetFacts | undefined {
    return this.#daemonSets.get(namespace)?.get(name);
  }

  /** The pods of each DaemonSet, by its UID. */
  podsByOwner(): ReadonlyMap<string, readonly PodFacts[]> {
    return groupBy(
      [...this.#pods.values()].flatMap((pods) => [...pods.values()]),
      ({ owner }) => owner,
    );
  }

  /** What kubelet said of each pod, by its name. */
  messagesIn(namespace: string): ReadonlyMap<string, readonly string[]> {
    const pulls = groupBy([...(this.#pulls.get(namespace)?.values() ?? [])], ({ pod }) => pod);
    return new Map([...pulls].map(([pod, all]) => [pod, all.map(({ message }) => message)]));
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Node 20 has no Map.groupBy. */
function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
