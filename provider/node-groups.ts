import { output, Output, type Input } from "@pulumi/pulumi";
import { fail, type Call } from "../sdk/arguments";

/** Names of node groups: one, several, or what another resource or stack says. */
export type NodeNames = Input<string> | Input<readonly Input<string>[]>;

/** A taint that pods put up with, as Kubernetes writes it. */
export interface Toleration {
  readonly key?: string;
  readonly operator?: "Exists" | "Equal";
  readonly value?: string;
  readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  readonly tolerationSeconds?: number;
}

interface GroupOptions {
  /** Default for warm pods: every taint. Default for sandboxes: none, and the GPU's where they ask for one. */
  readonly tolerations?: Input<readonly Toleration[]>;
}

/** Which nodes: by their place in a cloud, or by plain labels. */
export type NodeGroup = GroupOptions &
  (
    | { readonly eks: NodeNames }
    | { readonly karpenter: NodeNames }
    | { readonly gke: NodeNames }
    | { readonly aks: NodeNames }
    | { readonly labels: Input<Readonly<Record<string, Input<string>>>> }
  );

/** A node group whose values are known. */
export interface PlainNodeGroup {
  readonly labels: readonly { readonly key: string; readonly values: readonly string[] }[];
  readonly tolerations: readonly Toleration[] | undefined;
}

/** The label by which each kind of group marks its nodes. */
const LABELS = {
  eks: "eks.amazonaws.com/nodegroup",
  karpenter: "karpenter.sh/nodepool",
  gke: "cloud.google.com/gke-nodepool",
  aks: "kubernetes.azure.com/agentpool",
} as const;

const nodeGroupKinds = [...Object.keys(LABELS), "labels"];

/**
 * A group with its Outputs resolved; one without any is looked at at once, where the error has the user's line.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function planNodeGroup(call: Call, name: string, group: unknown): Output<PlainNodeGroup> {
  const read = (value: unknown): PlainNodeGroup => {
    const parsed = parseNodeGroup(value);
    if (typeof parsed !== "string") return parsed;
    throw fail(call, `${name}: ${parsed}.`, 'Write { eks: "workers" }, or { labels: { pool: "gpu" } }.');
  };
  if (!holdsOutput(group)) return output(read(group));
  const resolved: Output<unknown> = output(group);
  return resolved.apply(read);
}

function holdsOutput(value: unknown): boolean {
  if (Output.isInstance(value) || value instanceof Promise) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsOutput);
}

/** Reads a group whose Outputs have been resolved; a text says what is wrong with it. */
export function parseNodeGroup(group: unknown): PlainNodeGroup | string {
  if (!isRecord(group)) return "it is no object";
  const kinds = nodeGroupKinds.filter((kind) => group[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) return `it needs one of ${nodeGroupKinds.join(", ")}`;
  const unknown = Object.keys(group).find((name) => name !== kind && name !== "tolerations");
  if (unknown !== undefined) return `there is no ${unknown} in a node group`;
  const tolerations = parseTolerations(group["tolerations"]);
  if (typeof tolerations === "string") return tolerations;
  const labels = kind === "labels" ? parseLabels(group[kind]) : parseNames(kind, group[kind]);
  return typeof labels === "string" ? labels : { labels, tolerations };
}

/** How a group reads in a message: what its nodes would have to carry. */
export function describeNodeGroup({ labels }: PlainNodeGroup): string {
  return labels
    .map(({ key, values }) => (values.length === 1 ? `${key}=${values[0] ?? ""}` : `${key} in (${values.join(", ")})`))
    .join(" and ");
}

function parseNames(kind: string, value: unknown): PlainNodeGroup["labels"] | string {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = names.filter((name): name is string => typeof name === "string" && name !== "");
  if (texts.length !== names.length || texts.length === 0) return `${kind} must be a name or a list of names`;
  const label = Object.entries(LABELS).find(([known]) => known === kind)?.[1] ?? kind;
  return [{ key: label, values: [...new Set(texts)].sort() }];
}

function parseLabels(value: unknown): PlainNodeGroup["labels"] | string {
  if (!isRecord(value)) return "labels must be an object";
  const entries = Object.entries(value);
  const wrong = entries.find(([, text]) => typeof text !== "string");
  if (wrong !== undefined) return `the label ${wrong[0]} must be a string`;
  if (entries.length === 0) return "labels is empty, which would be every node";
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, text]) => ({ key, values: [String(text)] }));
}

function parseTolerations(value: unknown): readonly Toleration[] | undefined | string {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return "tolerations must be a list";
  const tolerations = value.filter((one): one is Toleration => isRecord(one));
  return tolerations.length === value.length ? tolerations : "each toleration must be an object";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
