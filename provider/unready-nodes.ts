import type { Cluster } from "./cluster";

/** What is told of one. */
export const NODE_NOT_READY = "the node is not ready";

/** How long an answer counts. */
const REFRESH_MS = 30_000;
/** How many nodes are asked for at one look: there may be thousands. */
const AT_ONCE = 10;

/** Which nodes do not answer. It is asked in the background, so that no look waits for it. */
export class UnreadyNodes {
  readonly #cluster: Pick<Cluster, "isNodeReady">;
  readonly #known = new Map<string, { readonly isUnready: boolean; readonly atMs: number }>();
  #isAsking = false;

  constructor(cluster: Pick<Cluster, "isNodeReady">) {
    this.#cluster = cluster;
  }

  /** Those of some nodes of which it is known by now. */
  among(nodes: readonly string[]): ReadonlySet<string> {
    if (!this.#isAsking) void this.#ask(nodes.filter((node) => this.#isOld(node)).slice(0, AT_ONCE));
    return new Set(nodes.filter((node) => this.#known.get(node)?.isUnready === true));
  }

  #isOld(node: string): boolean {
    const known = this.#known.get(node);
    return known === undefined || performance.now() - known.atMs >= REFRESH_MS;
  }

  async #ask(nodes: readonly string[]): Promise<void> {
    this.#isAsking = true;
    await Promise.all(
      nodes.map(async (node) => {
        const isUnready = (await this.#cluster.isNodeReady(node)) === false;
        this.#known.set(node, { isUnready, atMs: performance.now() });
      }),
    );
    this.#isAsking = false;
  }
}
