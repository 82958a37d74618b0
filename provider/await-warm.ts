import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../sdk/error";
import type { Cluster, DaemonSetFacts } from "./cluster";
import { NODES_DENIED, OtherNodes } from "./other-nodes";
import { PodFollower } from "./pod-follower";
import {
  describeProgress,
  judgeProgress,
  type GroupProgress,
  type NodeFailure,
  type PoolProgress,
  type TargetState,
  type WarmTarget,
} from "./warm-progress";

export interface WarmWait {
  readonly minPercent: number;
  readonly timeoutSeconds: number;
}

/** What waiting needs of its surroundings. */
export interface WarmWatch {
  readonly cluster: Cluster;
  /** What happens right now. */
  readonly report: (text: string) => void;
  /** What is no failure, and still to be known. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
  /** How often to look, in milliseconds. Default 500. */
  readonly intervalMs?: number;
  /** How long causes that do not pass by themselves have to last, in milliseconds. Default 20,000. */
  readonly patienceMs?: number;
}

/**
 * Waits until enough nodes of each group hold each image.
 *
 * @throws SlipwayError NODES_NOT_WARM with each node's cause; CLUSTER_MISMATCH, CLUSTER_DENIED, CLUSTER_UNAVAILABLE
 */
export async function awaitWarm(
  targets: readonly WarmTarget[],
  wait: WarmWait,
  watch: WarmWatch,
): Promise<PoolProgress["groups"]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, watch.signal]);
  const follower = new PodFollower(
    targets.map(({ namespace }) => namespace),
    watch.cluster,
    signal,
  );
  try {
    return await poll(targets, wait, watch, follower);
  } finally {
    stop.abort();
  }
}

async function poll(
  targets: readonly WarmTarget[],
  wait: WarmWait,
  { cluster, report, warn, signal, intervalMs = 500, patienceMs = 20_000 }: WarmWatch,
  follower: PodFollower,
): Promise<PoolProgress["groups"]> {
  const start = performance.now();
  const otherNodes = new OtherNodes(cluster, () => warn(NODES_DENIED));
  let hopelessSince: number | undefined;
  let said = "";
  for (;;) {
    follower.throwIfFailed();
    const states = await readStates(targets, cluster, follower, otherNodes);
    const progress = judgeProgress(states, wait.minPercent);
    const text = describeProgress(progress.groups);
    if (text !== said && progress.counted) report(text);
    said = text;
    if (progress.met) return progress.groups;
    const elapsedMs = performance.now() - start;
    hopelessSince = progress.hopeless ? (hopelessSince ?? elapsedMs) : undefined;
    const isLost = hopelessSince !== undefined && elapsedMs - hopelessSince >= patienceMs;
    if (isLost || elapsedMs >= wait.timeoutSeconds * 1000) {
      throw await notWarm(progress, states, wait, cluster, Math.round(elapsedMs / 1000));
    }
    await sleep(intervalMs, undefined, { signal });
  }
}

async function readStates(
  targets: readonly WarmTarget[],
  cluster: Cluster,
  follower: PodFollower,
  otherNodes: OtherNodes,
): Promise<readonly TargetState[]> {
  return await Promise.all(
    targets.map(async (target) => {
      const daemonSet = await cluster.findDaemonSet(target.namespace, target.name);
      if (daemonSet?.uid !== target.uid) throw mismatch(target, daemonSet, cluster.server);
      const pods = follower.podsIn(target.namespace).filter(({ owner }) => owner === target.uid);
      return { target, daemonSet, pods, others: await otherNodes.find(daemonSet.placement) };
    }),
  );
}

function mismatch(target: WarmTarget, found: DaemonSetFacts | undefined, server: string): SlipwayError {
  const what = found === undefined ? "is not there" : "is another one";
  return new SlipwayError({
    code: "CLUSTER_MISMATCH",
    text: `waiting for the nodes: the DaemonSet ${target.namespace}/${target.name} that the provider made ${what} in the cluster at ${server}.`,
    hint: "Give the WarmPool the kubeconfig of its provider's cluster.",
  });
}

/** The message names each node that is not warm, with its cause. */
async function notWarm(
  { groups }: PoolProgress,
  states: readonly TargetState[],
  { minPercent }: WarmWait,
  cluster: Cluster,
  seconds: number,
): Promise<SlipwayError> {
  const failed = Object.values(groups).flatMap((group) => group.failed);
  const silent = await Promise.all(findSilent(states, failed).map((one) => explainSilence(one, cluster)));
  const lines = [...failed, ...silent].map(({ node, key, cause }) => `  - ${node}, ${key}: ${cause}`);
  const shown = lines.slice(0, 50);
  if (lines.length > shown.length) shown.push(`  - and ${lines.length - shown.length} more`);
  const counts = Object.entries(groups).map(([name, { warm, desired }]: [string, GroupProgress]) => {
    return `${name} ${warm} of ${desired}`;
  });
  return new SlipwayError({
    code: "NODES_NOT_WARM",
    text: `after ${seconds} s the images are on too few nodes (${counts.join(", ")}; wanted are ${minPercent}%).\n${shown.join("\n")}\n`,
    hint: "What was warm before is still there. Mend the causes and run it again, or lower wait.minPercent.",
  });
}

/** Pods that are not ready and say nothing: still pulling, or on a node that does not answer. */
function findSilent(states: readonly TargetState[], failed: readonly NodeFailure[]): readonly NodeFailure[] {
  const known = new Set(failed.map(({ node, key }) => JSON.stringify([node, key])));
  return states.flatMap(({ target: { key }, pods }) =>
    pods
      .filter(({ isReady, node }) => !isReady && !known.has(JSON.stringify([node, key])))
      .map(({ node }) => ({ node: node === "" ? "(no node yet)" : node, key, cause: "it is still pulling" })),
  );
}

async function explainSilence(failure: NodeFailure, cluster: Cluster): Promise<NodeFailure> {
  return (await cluster.isNodeReady(failure.node)) === false ? { ...failure, cause: "the node is not ready" } : failure;
}
