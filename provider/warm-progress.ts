import type { DaemonSetFacts, PodFacts } from "./object-facts";
import type { OtherNode } from "./other-nodes";
import { explainWaiting } from "./pull-failure";

/** One image on one group of nodes, as it is to become warm. */
export interface WarmTarget {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly group: string;
  /** Which image, for people. */
  readonly key: string;
}

export interface NodeFailure {
  readonly node: string;
  readonly key: string;
  readonly cause: string;
}

/** The nodes of one group. */
export interface GroupProgress {
  /** How many nodes are to hold the images. */
  readonly desired: number;
  /** How many hold all of them. */
  readonly warm: number;
  readonly failed: readonly NodeFailure[];
}

/** Where a pool stands. */
export interface PoolProgress {
  readonly groups: Readonly<Record<string, GroupProgress>>;
  /** Whether the controller has seen every DaemonSet, so that the numbers of nodes are final. */
  readonly counted: boolean;
  /** Whether each image is on enough nodes of its group. */
  readonly met: boolean;
  /** Of the image and group that has the worst. */
  readonly outlook: Outlook;
}

/**
 * Whether enough nodes can still become warm. "doubtful": too many fail for causes that do not pass by themselves, unless
 * somebody is just mending them. "impossible": too few are of the image's architecture.
 */
export type Outlook = "open" | "doubtful" | "impossible";

/** What the cluster knows of one target. */
export interface TargetState {
  readonly target: WarmTarget;
  readonly daemonSet: DaemonSetFacts | undefined;
  readonly pods: readonly PodFacts[];
  /** Nodes of the group that the image is not for. */
  readonly others: readonly OtherNode[];
  /** What kubelet said of each pod, by its name, where that is followed. */
  readonly messages: ReadonlyMap<string, readonly string[]>;
  /** Nodes that do not answer, as far as it is known. */
  readonly unready: ReadonlySet<string>;
}

/** Judges a pool by its DaemonSets and their pods. */
export function judgeProgress(states: readonly TargetState[], minPercent: number): PoolProgress {
  const judged = states.map((state) => ({ ...state, ...judgeTarget(state, minPercent) }));
  const names = [...new Set(judged.map(({ target }) => target.group))];
  const groups = names.map((name) => [name, judgeGroup(judged.filter(({ target }) => target.group === name))] as const);
  const counted = judged.every((one) => one.counted);
  return {
    groups: Object.fromEntries(groups),
    counted,
    met: counted && judged.every((one) => one.met),
    outlook: counted ? worst(judged.map(({ outlook }) => outlook)) : "open",
  };
}

function worst(outlooks: readonly Outlook[]): Outlook {
  const order = ["impossible", "doubtful"] as const;
  return order.find((outlook) => outlooks.includes(outlook)) ?? "open";
}

function judgeTarget({ daemonSet, pods, others }: TargetState, minPercent: number) {
  const counted = daemonSet !== undefined && daemonSet.observedGeneration >= daemonSet.generation;
  const desired = (daemonSet?.desired ?? 0) + others.length;
  const needed = Math.ceil((desired * minPercent) / 100);
  const warm = pods.filter((pod) => pod.isReady).length;
  const definite = pods.filter((pod) => failureOf(pod)?.definite === true).length;
  const possible = desired - others.length;
  const outlook: Outlook = possible < needed ? "impossible" : possible - definite < needed ? "doubtful" : "open";
  return { counted, met: counted && warm >= needed, outlook };
}

function judgeGroup(states: readonly TargetState[]): GroupProgress {
  const warmCounts = new Map<string, number>();
  for (const pod of states.flatMap(({ pods }) => pods)) {
    if (pod.isReady) warmCounts.set(pod.node, (warmCounts.get(pod.node) ?? 0) + 1);
  }
  const failed = states.flatMap(({ target: { key }, pods, others }) => [
    ...others.map((other) => ({ ...other, key })),
    ...pods.flatMap((pod) => {
      const failure = failureOf(pod);
      return failure === undefined ? [] : [{ node: pod.node, key, cause: failure.cause }];
    }),
  ]);
  return {
    desired: Math.max(0, ...states.map(({ daemonSet, others }) => (daemonSet?.desired ?? 0) + others.length)),
    warm: [...warmCounts.values()].filter((count) => count === states.length).length,
    failed: failed.sort((a, b) => (`${a.node} ${a.key}` < `${b.node} ${b.key}` ? -1 : 1)),
  };
}

/** Why a pod's node does not get the image, where that is known. */
export function failureOf(pod: PodFacts) {
  return pod.isReady || pod.waiting === undefined ? undefined : explainWaiting(pod.waiting.reason, pod.waiting.message);
}

/** The line beside the resource: `cpu 2/3 warm, gpu 0/1 warm; node-a: the registry does not have it`. */
export function describeProgress(groups: PoolProgress["groups"]): string {
  const counts = Object.entries(groups).map(([name, { warm, desired }]) => `${name} ${warm}/${desired} warm`);
  const [first, ...others] = Object.values(groups).flatMap(({ failed }) => failed);
  if (first === undefined) return counts.join(", ");
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${counts.join(", ")}; ${first.node}, ${first.key}: ${first.cause}${more}`;
}
