import type { CoreV1Event, V1DaemonSet, V1Pod } from "@kubernetes/client-node";
import { placementOf, type Placement } from "./node-facts";
import { isPullMessage } from "./pull-event";

/** A pod, as far as warming an image is concerned. */
export interface PodFacts {
  readonly name: string;
  readonly node: string;
  readonly isReady: boolean;
  /** Why its container does not run yet. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  /** The UID of the DaemonSet that it belongs to. */
  readonly owner: string;
}

export interface DaemonSetFacts {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly observedGeneration: number;
  /** How many nodes are to run it. */
  readonly desired: number;
  /** How many of them do. */
  readonly ready: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly placement: Placement;
  /** Whether its pods hold anything: an API server with image volumes switched off takes them out, and says nothing. */
  readonly holdsImage: boolean;
}

/** An event of a pod that speaks of a pull. */
export interface PullMessage {
  readonly pod: string;
  readonly message: string;
}

export function daemonSetFacts({ metadata, spec, status }: V1DaemonSet): DaemonSetFacts {
  return {
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    generation: metadata?.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? -1,
    desired: status?.desiredNumberScheduled ?? 0,
    ready: status?.numberReady ?? 0,
    annotations: metadata?.annotations ?? {},
    placement: placementOf(spec?.template.spec),
    holdsImage: (spec?.template.spec?.volumes ?? []).length > 0,
  };
}

export function podFacts({ metadata, spec, status }: V1Pod): PodFacts {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = statuses.map(({ state }) => state?.waiting).find((state) => state?.reason !== undefined);
  return {
    name: metadata?.name ?? "",
    node: spec?.nodeName ?? "",
    isReady: status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true,
    waiting: waiting === undefined ? undefined : { reason: waiting.reason ?? "", message: waiting.message ?? "" },
    owner: metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? "",
  };
}

export function pullMessage({ involvedObject, message = "" }: CoreV1Event): PullMessage | undefined {
  return isPullMessage(message) ? { pod: involvedObject.name ?? "", message } : undefined;
}
