/** An object as an API server keeps it, as far as a simulated one looks into it. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [more: string]: unknown;
  };
  readonly [more: string]: unknown;
}

export type PodState = "queued" | "pulling" | "ready" | { readonly reason: string; readonly message: string };

const UID = "11111111-2222-3333-4444-555555555555";

/** As large as what a real server sends beside the content. */
const managedFields = [
  { manager: "kubelet", operation: "Update", fieldsV1: { "f:status": { "f:conditions": ".".repeat(3_000) } } },
];

export function makeDaemonSet(given: ApiObject, desired: number): ApiObject {
  const metadata = { ...given.metadata, uid: UID, generation: 1, managedFields };
  return { ...given, metadata, status: { observedGeneration: 1, desiredNumberScheduled: desired, numberReady: 0 } };
}

export function makePod(node: string, state: PodState, image: string): ApiObject {
  const waiting = typeof state === "string" ? { reason: "ContainerCreating" } : state;
  const isReady = state === "ready";
  return {
    metadata: {
      name: `warm-${node}`,
      uid: `pod-${node}`,
      managedFields,
      ownerReferences: [{ kind: "DaemonSet", name: "warm", uid: UID, controller: true }],
    },
    spec: {
      nodeName: node,
      containers: [{ name: "pause" }],
      volumes: [{ name: "image", image: { reference: image } }],
    },
    status: {
      phase: isReady ? "Running" : "Pending",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
      containerStatuses: [{ name: "pause", state: isReady ? { running: {} } : { waiting } }],
    },
  };
}

/** What kubelet says when it begins to pull, and when it has pulled. */
export function makeEvent(node: string, state: PodState, image: string): ApiObject | undefined {
  if (state !== "pulling" && state !== "ready") return undefined;
  const [reason, message] =
    state === "pulling"
      ? ["Pulling", `Pulling image "${image}"`]
      : ["Pulled", `Successfully pulled image "${image}" in 2s (2s including waiting). Image size: 500000000 bytes.`];
  return {
    metadata: { name: `warm-${node}.${reason}`, managedFields },
    involvedObject: { kind: "Pod", name: `warm-${node}` },
    reason,
    message,
  };
}
