import { SlipwayError } from "../sdk/error";
import { NODE_NOT_READY } from "./unready-nodes";
import { watchWarm, type WarmLook, type WarmWait, type WarmWatch } from "./watch-warm";
import {
  describeProgress,
  failureOf,
  type GroupProgress,
  type NodeFailure,
  type PoolProgress,
  type TargetState,
  type WarmTarget,
} from "./warm-progress";

/** What waiting needs of its surroundings. */
export interface WarmGateWatch extends Pick<WarmWatch, "cluster" | "warn" | "signal" | "intervalMs" | "patienceMs"> {
  /** What happens right now. */
  readonly report: (text: string) => void;
}

/**
 * Waits until enough nodes of each group hold each image.
 *
 * @throws SlipwayError NODES_NOT_WARM with each node's cause; CLUSTER_MISMATCH, CLUSTER_DENIED, CLUSTER_UNAVAILABLE
 */
export async function awaitWarm(
  targets: readonly WarmTarget[],
  wait: WarmWait,
  { report, ...watch }: WarmGateWatch,
): Promise<PoolProgress["groups"]> {
  let said = "";
  const onLook = ({ progress, states }: WarmLook): void => {
    for (const state of states) {
      checkIdentity(state, watch.cluster.server);
      checkContent(state, watch.cluster.server);
    }
    const text = describeProgress(progress.groups);
    if (text !== said && progress.counted) report(text);
    said = text;
  };
  const last = await watchWarm(targets, wait, { ...watch, pulls: "left out", onLook });
  if (last.progress.met) return last.progress.groups;
  throw notWarm(last, wait);
}

function checkIdentity({ target, daemonSet }: TargetState, server: string): void {
  if (daemonSet?.uid === target.uid) return;
  const what = daemonSet === undefined ? "is not there" : "is another one";
  throw new SlipwayError({
    code: "CLUSTER_MISMATCH",
    text: `waiting for the nodes: the DaemonSet ${target.namespace}/${target.name} that the provider made ${what} in the cluster at ${server}.`,
    hint: "Give the WarmPool the kubeconfig of its provider's cluster.",
  });
}

/** Its pods would be ready, and hold nothing. */
function checkContent({ target, daemonSet }: TargetState, server: string): void {
  if (daemonSet?.holdsImage !== false) return;
  throw new SlipwayError({
    code: "NODES_NOT_WARM",
    text: `waiting for the nodes: the cluster at ${server} has image volumes switched off and left the image out of the DaemonSet ${target.namespace}/${target.name}.`,
    hint: 'Give the WarmPool { mechanism: "exec" }.',
  });
}

/** The message names each node that is not warm, with its cause. */
function notWarm({ progress: { groups }, states, elapsedMs }: WarmLook, { minPercent }: WarmWait): SlipwayError {
  const failed = Object.values(groups).flatMap((group) => group.failed);
  const lines = [...failed, ...states.flatMap(explainSilence)].map(
    ({ node, key, cause }) => `  - ${node}, ${key}: ${cause}`,
  );
  const shown = lines.slice(0, 50);
  if (lines.length > shown.length) shown.push(`  - and ${lines.length - shown.length} more`);
  const counts = Object.entries(groups).map(([name, { warm, desired }]: [string, GroupProgress]) => {
    return `${name} ${warm} of ${desired}`;
  });
  return new SlipwayError({
    code: "NODES_NOT_WARM",
    text: `after ${Math.round(elapsedMs / 1000)} s the images are on too few nodes (${counts.join(", ")}; wanted are ${minPercent}%).\n${shown.join("\n")}\n`,
    hint: "What was warm before is still there. Mend the causes and run it again, or lower wait.minPercent.",
  });
}

/** Pods that are not ready and say nothing: still pulling, or on a node that does not answer. */
function explainSilence({ target: { key }, pods, unready }: TargetState): readonly NodeFailure[] {
  return pods
    .filter((pod) => !pod.isReady && failureOf(pod) === undefined)
    .map(({ node }) => ({
      node: node === "" ? "(no node yet)" : node,
      key,
      cause: unready.has(node) ? NODE_NOT_READY : "it is still pulling",
    }));
}
