import type { Cluster } from "./cluster";
import type { NodeFacts, Placement } from "./node-facts";
import { ARCHITECTURE_LABEL } from "./pod-manifest";

/** A node of a group that cannot run an image: no pod of its DaemonSet ever comes there. */
export interface OtherNode {
  readonly node: string;
  readonly cause: string;
}

/** What is told where nodes cannot be listed. */
export const NODES_DENIED =
  "nodes of another architecture than the image's are not counted: this kubeconfig's user cannot list nodes";

/** Nodes come and go slowly, and there may be thousands. */
const REFRESH_MS = 10_000;

/** The nodes that DaemonSets would be on if their image were for the nodes' architecture. */
export class OtherNodes {
  readonly #cluster: Cluster;
  readonly #known = new Map<string, { readonly nodes: readonly NodeFacts[]; readonly atMs: number }>();
  readonly #onDenied: () => void;
  #isDenied = false;

  /** @param onDenied Called once where nodes cannot be listed. Then there are none. */
  constructor(cluster: Cluster, onDenied: () => void) {
    this.#cluster = cluster;
    this.#onDenied = onDenied;
  }

  async find(placement: Placement): Promise<readonly OtherNode[]> {
    const own = placement.expressions.find(({ key }) => key === ARCHITECTURE_LABEL)?.values ?? [];
    if (own.length === 0 || this.#isDenied) return [];
    const nodes = await this.#read(selectorOf(placement));
    const image = `the image has ${own.map((name) => `linux/${name}`).join(" and ")} only`;
    return nodes
      .filter((node) => isWelcome(node, placement))
      .map(({ name, architecture }) => ({ node: name, cause: `the node is ${architecture}; ${image}` }));
  }

  async #read(selector: string): Promise<readonly NodeFacts[]> {
    const known = this.#known.get(selector);
    if (known !== undefined && performance.now() - known.atMs < REFRESH_MS) return known.nodes;
    const found = await this.#cluster.findNodes(selector);
    if (found === undefined && known === undefined && !this.#isDenied) {
      this.#isDenied = true;
      this.#onDenied();
    }
    const nodes = found ?? known?.nodes ?? [];
    this.#known.set(selector, { nodes, atMs: performance.now() });
    return nodes;
  }
}

/** The same nodes as a DaemonSet's affinity means, but for their architecture. */
function selectorOf({ expressions }: Placement): string {
  const all = expressions.map(({ key, operator, values }) => {
    const isOther = key === ARCHITECTURE_LABEL || operator === "NotIn";
    return `${key} ${isOther ? "notin" : "in"} (${values.join(",")})`;
  });
  return [ARCHITECTURE_LABEL, ...all].join(","); // "notin" alone also means nodes without the label
}

function isWelcome({ taints }: NodeFacts, { tolerations }: Placement): boolean {
  return taints.every(
    (taint) =>
      taint.effect === "PreferNoSchedule" ||
      // What the controller of DaemonSets adds tolerations for (daemonset_util.go).
      taint.key.startsWith("node.kubernetes.io/") ||
      tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

function tolerates(
  { key = "", operator = "Equal", value = "", effect = "" }: Placement["tolerations"][number],
  taint: NodeFacts["taints"][number],
): boolean {
  if (effect !== "" && effect !== taint.effect) return false;
  if (key === "") return operator === "Exists";
  return key === taint.key && (operator === "Exists" || value === taint.value);
}
