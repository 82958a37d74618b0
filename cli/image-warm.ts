import type { ArgsDef } from "citty";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openCluster, type Cluster } from "../provider/cluster";
import { dockerCredentials } from "../provider/credentials";
import { Leftovers } from "../provider/leftovers";
import { detectMechanism } from "../provider/mechanism";
import { describeNodeGroup } from "../provider/node-groups";
import { describeNode } from "../provider/node-view";
import type { DaemonSetFacts } from "../provider/object-facts";
import { Registries } from "../provider/registries";
import {
  judgeView,
  ONCE_SELECTOR,
  onceManifest,
  pruneExpired,
  viewOrder,
  type WarmOrder,
  type WarmResult,
  type WarmView,
} from "../provider/warm-once";
import { watchWarm, type WarmLook } from "../provider/watch-warm";
import { SlipwayError } from "../sdk/error";
import type { Command } from "./flags";
import { NodeTable } from "./node-table";
import type { Terminal } from "./terminal";
import { parseDuration, parsePercent } from "./units";
import { fetchWarmSource } from "./warm-source";
import { parseNodes, readStack } from "./warm-targets";

const warmArgs = {
  image: { type: "string", valueHint: "hash", description: "The hash of an image that the repository has." },
  stack: { type: "string", valueHint: "name", description: "The Pulumi stack that says where. Default: the current." },
  repository: { type: "string", valueHint: "host/path", description: "Default: the stack's." },
  nodes: {
    type: "string",
    valueHint: "eks=name|label=value",
    description: "Which nodes; several times for several groups. Default: the groups of the stack's pools.",
  },
  namespace: { type: "string", valueHint: "name", description: "Default: the pools', then default." },
  "image-pull-secret": {
    type: "string",
    valueHint: "name",
    description:
      "A secret of the namespace, for a registry that asks nodes for a login; several times for several. Default: the pools'.",
  },
  kubeconfig: { type: "string", valueHint: "file", description: "Default: KUBECONFIG, then ~/.kube/config." },
  wait: { type: "string", valueHint: "90%", description: "On how many of the nodes. Default 100%." },
  timeout: { type: "string", valueHint: "15m", description: "How long to wait. Default 15m." },
  ttl: { type: "string", valueHint: "2h", description: "When --prune, or the next warm, may let it go." },
  prune: { type: "boolean", description: "Let go of what is past its time, and do nothing else." },
  list: { type: "boolean", description: "Show what this command keeps warm, and do nothing else." },
  json: { type: "boolean", description: "Print the result as JSON, and an error too." },
} as const satisfies ArgsDef;

/** What a script can tell from the exit code: 0 is warm. */
const EXIT_CODES: Readonly<Record<Exclude<WarmResult, "warm">, number>> = { partly: 3, none: 4, "no-node": 5 };

/** `slipway image warm` */
export function imageWarm(terminal: Terminal): Command<typeof warmArgs> {
  return {
    meta: { name: "warm", description: "Pull an image onto nodes and keep it there, and show each node." },
    args: warmArgs,
    example: "slipway image warm --image 8878e5c2… --nodes eks=workers --wait 90% --ttl 2h",
    async run({ args, rawArgs }) {
      const cluster = await openCluster(args.kubeconfig ?? defaultKubeconfig(terminal.env));
      const nowSeconds = Math.floor(Date.now() / 1000);
      const namespace = args.namespace ?? "default";
      if (args.list === true) return printList(terminal, cluster, namespace, args.json === true);
      if (args.prune === true) {
        const removed = await pruneExpired(cluster, namespace, nowSeconds);
        terminal.print(
          args.json === true ? `${JSON.stringify({ removed })}\n` : removed.map((one) => `${one}\n`).join(""),
        );
        return;
      }
      const minPercent = parsePercent("--wait", args.wait ?? "100%");
      const timeoutMs = parseDuration("--timeout", args.timeout ?? "15m");
      const ttlMs = args.ttl === undefined ? undefined : parseDuration("--ttl", args.ttl);
      const expiresAt = ttlMs === undefined ? undefined : nowSeconds + Math.ceil(ttlMs / 1000);
      const [nodes, imagePullSecrets] = [readMultiple(rawArgs, "nodes"), readMultiple(rawArgs, "image-pull-secret")];
      const orders = await planOrders(terminal, { ...args, nodes, imagePullSecrets }, expiresAt);
      for (const space of new Set(orders.map((order) => order.namespace)))
        await pruneExpired(cluster, space, nowSeconds);
      const signal = terminal.stopOnSignal(new Leftovers());
      const views = await warm(terminal, cluster, orders, { minPercent, timeoutMs, signal });
      report(terminal, orders, views, { minPercent, isJson: args.json === true });
    },
  };
}

interface Given {
  readonly image?: string | undefined;
  readonly stack?: string | undefined;
  readonly repository?: string | undefined;
  readonly nodes: readonly string[];
  readonly imagePullSecrets: readonly string[];
  readonly namespace?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

async function planOrders(
  terminal: Terminal,
  given: Given,
  expiresAt: number | undefined,
): Promise<readonly WarmOrder[]> {
  const { image: hash } = given;
  if (hash === undefined || !/^[0-9a-f]{64}$/.test(hash)) {
    const hint = "slipway image hash FILE#EXPORT prints one.";
    throw new SlipwayError({ code: "USAGE", text: "slipway image warm: --image is not a hash of 64 digits.", hint });
  }
  const isStackNeeded = given.nodes.length === 0 || given.repository === undefined;
  const facts = isStackNeeded
    ? await readStack(hash, { stack: given.stack, cwd: terminal.cwd, env: terminal.env })
    : undefined;
  const located = given.repository === undefined ? facts?.located : { repository: given.repository };
  const groups = given.nodes.length > 0 ? given.nodes.map(parseNodes) : (facts?.groups ?? []);
  if (located === undefined) throw missing("--repository", "the stack has no image");
  if (groups.length === 0) throw missing("--nodes", "the stack has no pool");
  const [source, mechanism] = await Promise.all([
    fetchWarmSource(hash, located, new Registries(dockerCredentials(terminal.env))),
    detectMechanism(given.kubeconfig ?? defaultKubeconfig(terminal.env)),
  ]);
  return groups.map((nodes) => ({
    namespace: given.namespace ?? facts?.namespace ?? "default",
    hash,
    ...source,
    nodes,
    mechanism,
    imagePullSecrets: given.imagePullSecrets.length > 0 ? given.imagePullSecrets : (facts?.imagePullSecrets ?? []),
    runtimeClassName: undefined,
    expiresAt,
  }));
}

function missing(flag: string, found: string): SlipwayError {
  return new SlipwayError({ code: "USAGE", text: `slipway image warm: ${found}.`, hint: `Give ${flag}.` });
}

interface Waiting {
  readonly minPercent: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function warm(
  terminal: Terminal,
  cluster: Cluster,
  orders: readonly WarmOrder[],
  { minPercent, timeoutMs, signal }: Waiting,
): Promise<readonly WarmView[]> {
  const targets = await Promise.all(
    orders.map(async (order) => {
      const { name, uid } = await apply(cluster, order);
      return { namespace: order.namespace, name, uid, group: describeNodeGroup(order.nodes), key: "image" };
    }),
  );
  const table = new NodeTable(terminal);
  const viewsOf = ({ states }: WarmLook): readonly WarmView[] =>
    states.map((state, index) => viewOrder(orders[index]?.reference ?? "", state));
  const onLook = (look: WarmLook): void => {
    const views = viewsOf(look);
    const counts = views.map((view, index) => `${targets[index]?.group ?? ""}: ${countWarm(view)}`);
    table.show(
      `${counts.join("; ")}, ${Math.round(look.elapsedMs / 1000)} s`,
      views.flatMap(({ nodes }) => nodes),
    );
  };
  const last = await watchWarm(
    targets,
    { minPercent, timeoutSeconds: timeoutMs / 1000 },
    {
      cluster,
      pulls: "followed",
      onLook,
      warn: (text) => terminal.report(`slipway image warm: ${text}.\n`),
      signal,
    },
  );
  return viewsOf(last);
}

/** Where image volumes are switched off, and that could not be seen before, as on an older cluster. */
async function apply(cluster: Cluster, order: WarmOrder): Promise<DaemonSetFacts> {
  const applied = await cluster.applyDaemonSet(onceManifest(order));
  return applied.holdsImage ? applied : await cluster.applyDaemonSet(onceManifest({ ...order, mechanism: "exec" }));
}

function countWarm({ desired, nodes }: WarmView): string {
  const warmNodes = nodes.filter(({ state }) => state === "warm" || state === "present").length;
  return `${warmNodes} of ${desired ?? "?"} warm`;
}

function report(
  terminal: Terminal,
  orders: readonly WarmOrder[],
  views: readonly WarmView[],
  { minPercent, isJson }: { readonly minPercent: number; readonly isJson: boolean },
): void {
  const results = views.map((view) => judgeView(view, minPercent));
  const result = worst(results);
  const ref = orders[0]?.reference ?? "";
  const groups = views.map((view, index) => ({
    nodes: orders[index] === undefined ? "" : describeNodeGroup(orders[index].nodes),
    result: results[index],
    desired: view.desired ?? 0,
    states: view.nodes,
  }));
  if (isJson) terminal.print(`${JSON.stringify({ result, ref, groups })}\n`);
  else
    terminal.print(
      `ref     ${ref}\nresult  ${result}\n${groups.map((one) => `nodes   ${one.nodes}: ${countWarm({ desired: one.desired, nodes: one.states })}\n`).join("")}`,
    );
  if (result === "warm") return;
  throw new WarmFailure(
    result,
    groups.flatMap((one) => one.states.filter(({ state }) => state === "failed")).map(describeNode),
  );
}

/** What one exit code can say of several groups. */
function worst(results: readonly WarmResult[]): WarmResult {
  if (results.every((result) => result === "warm")) return "warm";
  if (results.every((result) => result === "no-node")) return "no-node";
  return results.some((result) => result === "warm" || result === "partly") ? "partly" : "none";
}

/** Too few nodes are warm. */
class WarmFailure extends SlipwayError {
  readonly exitCode: number;

  constructor(result: Exclude<WarmResult, "warm">, failed: readonly string[]) {
    const texts = { partly: "some nodes are not warm", none: "no node is warm", "no-node": "no node matches" };
    const lines = failed.map((line) => `\n  - ${line}`).join("");
    super({
      code: "NODES_NOT_WARM",
      text: `slipway image warm: ${texts[result]}.${lines === "" ? "" : `${lines}\n`}`,
      hint: "What was applied goes on by itself; run it again to see how far it is.",
    });
    this.exitCode = EXIT_CODES[result];
  }
}

async function printList(terminal: Terminal, cluster: Cluster, namespace: string, isJson: boolean): Promise<void> {
  const found = await cluster.listDaemonSets(namespace, ONCE_SELECTOR);
  const rows = found.map(({ name, annotations, desired, ready }) => ({
    name,
    ref: annotations["slipway/image"] ?? "",
    expiresAt: annotations["slipway/expires-at"] ?? null,
    desired,
    warm: ready,
  }));
  if (isJson) return terminal.print(`${JSON.stringify(rows)}\n`);
  for (const row of rows) {
    const until = row.expiresAt === null ? "" : `  until ${new Date(Number(row.expiresAt) * 1000).toISOString()}`;
    terminal.print(`${row.name}  ${row.warm} of ${row.desired} warm  ${row.ref}${until}\n`);
  }
}

function readMultiple(rawArgs: readonly string[], name: string): readonly string[] {
  const { values } = parseArgs({
    args: [...rawArgs],
    options: { [name]: { type: "string", multiple: true } },
    strict: false,
  });
  const given = values[name];
  return Array.isArray(given) ? given.map(String) : [];
}

function defaultKubeconfig(env: NodeJS.ProcessEnv): string {
  const first = (env["KUBECONFIG"] ?? "").split(":").find((path) => path !== "");
  return first ?? join(homedir(), ".kube", "config");
}
