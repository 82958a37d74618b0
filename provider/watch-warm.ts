import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster";
import type { PodFacts } from "./object-facts";
import { NODES_DENIED, OtherNodes } from "./other-nodes";
import { WarmFollower, type Pulls } from "./warm-follower";
import { UnreadyNodes } from "./unready-nodes";
import { failureOf, judgeProgress, type PoolProgress, type TargetState, type WarmTarget } from "./warm-progress";

export interface WarmWait {
  readonly minPercent: number;
  readonly timeoutSeconds: number;
}

/** What waiting needs of its surroundings. */
export interface WarmWatch {
  readonly cluster: Cluster;
  readonly pulls: Pulls;
  /** Called at each look. */
  readonly onLook: (look: WarmLook) => void;
  /** What is no failure, and still to be known. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
  /** How often to look, in milliseconds. Default 500. */
  readonly intervalMs?: number;
  /** How long causes that do not pass by themselves have to last, in milliseconds. Default 20,000. */
  readonly patienceMs?: number;
}

/** Where nodes stand at one moment. */
export interface WarmLook {
  readonly progress: PoolProgress;
  readonly states: readonly TargetState[];
  readonly elapsedMs: number;
}

/**
 * Looks at nodes until enough of each group hold each image, until one group cannot get there any more, or the time is
 * over.
 *
 * @throws SlipwayError CLUSTER_DENIED, CLUSTER_UNAVAILABLE
 */
export async function watchWarm(targets: readonly WarmTarget[], wait: WarmWait, watch: WarmWatch): Promise<WarmLook> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, watch.signal]);
  const namespaces = targets.map(({ namespace }) => namespace);
  const follower = new WarmFollower(namespaces, watch.cluster, watch.pulls, signal);
  try {
    return await look(targets, wait, watch, follower);
  } finally {
    stop.abort();
  }
}

async function look(
  targets: readonly WarmTarget[],
  wait: WarmWait,
  watch: WarmWatch,
  follower: WarmFollower,
): Promise<WarmLook> {
  const { intervalMs = 500, patienceMs = 20_000, signal } = watch;
  const start = performance.now();
  const nodes: Nodes = {
    others: new OtherNodes(watch.cluster, () => watch.warn(NODES_DENIED)),
    unready: new UnreadyNodes(watch.cluster),
  };
  let lostSinceMs: number | undefined;
  await follower.isRead;
  for (;;) {
    signal.throwIfAborted();
    follower.throwIfFailed();
    const states = await readStates(targets, follower, nodes);
    const progress = judgeProgress(states, wait.minPercent);
    const elapsedMs = performance.now() - start;
    const seen = { progress, states, elapsedMs };
    watch.onLook(seen);
    if (progress.met || elapsedMs >= wait.timeoutSeconds * 1000) return seen;
    if (progress.outlook === "impossible") return seen;
    lostSinceMs = progress.outlook === "doubtful" ? (lostSinceMs ?? elapsedMs) : undefined;
    if (lostSinceMs !== undefined && elapsedMs - lostSinceMs >= patienceMs) return seen;
    await sleep(intervalMs, undefined, { signal });
  }
}

/** What pods do not tell of their nodes. */
interface Nodes {
  readonly others: OtherNodes;
  readonly unready: UnreadyNodes;
}

async function readStates(
  targets: readonly WarmTarget[],
  follower: WarmFollower,
  nodes: Nodes,
): Promise<readonly TargetState[]> {
  const podsByOwner = follower.podsByOwner();
  const podsOf = ({ uid }: WarmTarget): readonly PodFacts[] => podsByOwner.get(uid) ?? [];
  const silent = targets
    .flatMap(podsOf)
    .filter((pod) => !pod.isReady && pod.node !== "" && failureOf(pod) === undefined);
  const unready = nodes.unready.among([...new Set(silent.map(({ node }) => node))]);
  return await Promise.all(
    targets.map(async (target) => {
      const daemonSet = follower.daemonSet(target.namespace, target.name);
      const others = daemonSet === undefined ? [] : await nodes.others.find(daemonSet.placement);
      const messages = follower.messagesIn(target.namespace);
      return { target, daemonSet, pods: podsOf(target), others, messages, unready };
    }),
  );
}
