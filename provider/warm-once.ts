import { createHash } from "node:crypto";
import type { Cluster } from "./cluster";
import { viewNode, type NodeView } from "./node-view";
import { readPullEvent, type PullEvent } from "./pull-event";
import type { TargetState } from "./warm-progress";
import { warmSpec, type DaemonSetManifest, type WarmContent } from "./warm-manifest";

/** One image that is to be on some nodes, without Pulumi. */
export interface WarmOrder extends WarmContent {
  readonly namespace: string;
  readonly hash: string;
  /** Seconds since 1970; `undefined`: until it is pruned. */
  readonly expiresAt: number | undefined;
}

/** What is warm by the command line carries it; a WarmPool's objects do not. */
const ONCE_LABEL = "slipway/by";
export const ONCE_SELECTOR = "slipway/by=command-line";
const EXPIRES = "slipway/expires-at";

/** The DaemonSet of an order: the same for the same image on the same nodes, and never a pool's. */
export function onceManifest(order: WarmOrder): DaemonSetManifest {
  const key = createHash("sha256").update(JSON.stringify(order.nodes.labels)).digest("hex").slice(0, 8);
  const identity = { stack: "command-line", pool: "warm", group: key, key: "image", hash: order.hash };
  const spec = warmSpec(identity, order);
  return {
    metadata: {
      name: `slipway-warm-${order.hash.slice(0, 12)}-${key}`,
      namespace: order.namespace,
      labels: { ...spec.template.metadata.labels, [ONCE_LABEL]: "command-line" },
      annotations: {
        "slipway/hash": order.hash,
        "slipway/image": order.reference,
        ...(order.expiresAt === undefined ? {} : { [EXPIRES]: String(order.expiresAt) }),
      },
    },
    spec,
  };
}

/** Whether what the command line has put there is past its time. */
function isExpired(annotations: Readonly<Record<string, string>>, nowSeconds: number): boolean {
  const expiresAt = Number(annotations[EXPIRES] ?? "");
  return annotations[EXPIRES] !== undefined && expiresAt <= nowSeconds;
}

/** What each node has of an image. */
export interface WarmView {
  /** `undefined` until the cluster has counted. */
  readonly desired: number | undefined;
  readonly nodes: readonly NodeView[];
}

/** Puts together what the cluster knows of one order. */
export function viewOrder(reference: string, { daemonSet, pods, others, messages, unready }: TargetState): WarmView {
  const isCounted = daemonSet !== undefined && daemonSet.observedGeneration >= daemonSet.generation;
  const nodes = pods.map((pod): NodeView => {
    const events = (messages.get(pod.name) ?? []).flatMap((message): readonly PullEvent[] => {
      const event = readPullEvent(message, reference);
      return event === undefined ? [] : [event];
    });
    return viewNode(pod, events, unready.has(pod.node) ? "not ready" : "ready");
  });
  const failed = others.map((other) => ({ ...other, state: "failed" as const, definite: true }));
  return {
    desired: isCounted ? daemonSet.desired + others.length : undefined,
    nodes: [...nodes, ...failed].sort((a, b) => (a.node < b.node ? -1 : 1)),
  };
}

/** What has come of an order. */
export type WarmResult = "warm" | "partly" | "none" | "no-node";

export function judgeView({ desired, nodes }: WarmView, minPercent: number): WarmResult {
  if (desired === 0) return "no-node";
  const warm = nodes.filter(({ state }) => state === "warm" || state === "present").length;
  if (desired !== undefined && warm >= Math.ceil((desired * minPercent) / 100)) return "warm";
  return warm > 0 ? "partly" : "none";
}

/** Removes what the command line put into a namespace and is past its time. */
export async function pruneExpired(
  cluster: Cluster,
  namespace: string,
  nowSeconds: number,
): Promise<readonly string[]> {
  const found = await cluster.listDaemonSets(namespace, ONCE_SELECTOR);
  const expired = found.filter(({ annotations }) => isExpired(annotations, nowSeconds));
  for (const { name } of expired) await cluster.removeDaemonSet(namespace, name);
  return expired.map(({ name }) => name);
}
