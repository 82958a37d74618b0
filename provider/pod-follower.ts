import type { Cluster, PodFacts } from "./cluster";

const SELECTOR = "app.kubernetes.io/name=warm-image,app.kubernetes.io/managed-by=slipway";

/** The pods that keep images warm, in some namespaces, kept up to date in the background until the signal aborts. */
export class PodFollower {
  readonly #pods = new Map<string, ReadonlyMap<string, PodFacts>>();
  #failure: Error | undefined;

  constructor(namespaces: readonly string[], cluster: Cluster, signal: AbortSignal) {
    for (const namespace of new Set(namespaces)) {
      cluster
        .followPods(namespace, SELECTOR, (pods) => this.#pods.set(namespace, pods), signal)
        .catch((error: unknown) => {
          this.#failure ??= error instanceof Error ? error : new Error(String(error));
        });
    }
  }

  podsIn(namespace: string): readonly PodFacts[] {
    return [...(this.#pods.get(namespace)?.values() ?? [])];
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
