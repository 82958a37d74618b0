import type { PodFacts } from "./object-facts";
import type { PullEvent } from "./pull-event";
import { explainWaiting } from "./pull-failure";
import { NODE_NOT_READY } from "./unready-nodes";

/** One node on its way to hold an image. */
export type NodeState =
  | { readonly state: "queued" }
  | { readonly state: "pulling" }
  /** `seconds` and `sizeBytes` are kubelet's own words, and missing when they are older than an hour. */
  | { readonly state: "warm"; readonly seconds: number | undefined; readonly sizeBytes: number | undefined }
  | { readonly state: "present" }
  | { readonly state: "failed"; readonly cause: string; readonly definite: boolean };

export type NodeView = { readonly node: string } & NodeState;

/** What is known of a node's pod and its events, as one word for people. */
export function viewNode(
  pod: PodFacts,
  events: readonly PullEvent[],
  nodeIs: "ready" | "not ready" = "ready",
): NodeView {
  return { node: pod.node === "" ? "(no node yet)" : pod.node, ...stateOf(pod, events, nodeIs) };
}

function stateOf(pod: PodFacts, events: readonly PullEvent[], nodeIs: "ready" | "not ready"): NodeState {
  const pulled = events.find((event) => event.kind === "pulled");
  if (pod.isReady) {
    if (pulled !== undefined) return { state: "warm", seconds: pulled.seconds, sizeBytes: pulled.sizeBytes };
    // kubelet looks again and again, and says "present" of what it has pulled itself a minute ago.
    return events.some(({ kind }) => kind === "present")
      ? { state: "present" }
      : { state: "warm", seconds: undefined, sizeBytes: undefined };
  }
  const failure = pod.waiting === undefined ? undefined : explainWaiting(pod.waiting.reason, pod.waiting.message);
  if (failure !== undefined) return { state: "failed", ...failure };
  if (nodeIs === "not ready") return { state: "failed", cause: NODE_NOT_READY, definite: false };
  return { state: events.length > 0 ? "pulling" : "queued" };
}

/** One line for a node: `node-1  warm  3.9 s, 88.5 MB, 22.7 MB/s`. */
export function describeNode(view: NodeView): string {
  switch (view.state) {
    case "queued":
    case "pulling":
      return `${view.node}  ${view.state}`;
    case "present":
      return `${view.node}  warm  already present`;
    case "failed":
      return `${view.node}  failed  ${view.cause}`;
    case "warm":
      return `${view.node}  warm${describePull(view.seconds, view.sizeBytes)}`;
  }
}

function describePull(seconds: number | undefined, sizeBytes: number | undefined): string {
  if (seconds === undefined) return "";
  const time = `  ${seconds.toFixed(1)} s`;
  if (sizeBytes === undefined) return time;
  const size = `, ${(sizeBytes / 1e6).toFixed(1)} MB`;
  return seconds === 0 ? `${time}${size}` : `${time}${size}, ${(sizeBytes / 1e6 / seconds).toFixed(1)} MB/s`;
}
