import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import * as v from "valibot";
import { makeDaemonSet, makeEvent, makePod, type ApiObject, type PodState } from "./api-objects";

type Kind = "daemonsets" | "pods" | "events";

/** A change, as a watch reports it. */
interface Change {
  readonly kind: Kind;
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED";
  readonly object: ApiObject;
}

interface Watcher {
  readonly kind: Kind;
  readonly response: ServerResponse;
}

/**
 * As much of a Kubernetes API server as `slipway image warm` asks, and of a controller: one DaemonSet, with a pod on
 * each of its nodes. What the nodes do, the test says.
 */
export class SimulatedCluster {
  kubeconfig = "";
  /** How many lists were asked for, by kind. */
  readonly lists = { daemonsets: 0, pods: 0, events: 0 };
  /** Whether it does as an API server with image volumes switched off: it takes them out, and says nothing. */
  leavesOutImageVolumes = false;
  readonly #nodes: readonly string[];
  readonly #objects = { daemonsets: new Map(), pods: new Map(), events: new Map() } satisfies Record<
    Kind,
    Map<string, ApiObject>
  >;
  #changes: readonly Change[] = [];
  /** The objects of a list of which more pages may be asked for, by the version of the list. */
  readonly #snapshots = new Map<string, readonly ApiObject[]>();
  #watchers: readonly Watcher[] = [];
  #version = 1;
  #image = "";
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    const address = this.#server.address();
    const server = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
    const context = { cluster: "simulated", user: "anyone" };
    this.kubeconfig = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "simulated", cluster: { server, "insecure-skip-tls-verify": true } }],
      users: [{ name: "anyone", user: {} }],
      contexts: [{ name: "simulated", context }],
      "current-context": "simulated",
    });
  }

  daemonSets(): readonly ApiObject[] {
    return [...this.#objects.daemonsets.values()];
  }

  /** Changes the pod of a node, and tells what kubelet would tell of it. */
  setPod(node: string, state: PodState): void {
    this.#put("pods", makePod(node, state, this.#image));
    const event = makeEvent(node, state, this.#image);
    if (event !== undefined) this.#put("events", event);
  }

  /** Ends every watch, as a real server does every few minutes. */
  endWatches(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const { response } of watchers) response.end();
  }

  #put(kind: Kind, object: ApiObject): void {
    const { name } = object.metadata;
    const version = ++this.#version;
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const type = this.#objects[kind].has(name) ? "MODIFIED" : "ADDED";
    this.#objects[kind].set(name, versioned);
    const change: Change = { kind, version, type, object: versioned };
    this.#changes = [...this.#changes.slice(-5_000), change];
    for (const watcher of this.#watchers) if (watcher.kind === kind) send(watcher.response, change);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://simulated");
    const kind = /\/(daemonsets|pods|events)(?:\/|$)/.exec(url.pathname)?.[1];
    if (request.method === "POST") return void response.writeHead(403).end();
    if (request.method === "PATCH") return this.#apply(JSON.parse(await textOf(request)), response);
    if (url.pathname === "/version") return reply(response, { major: "1", minor: "36" });
    if (url.pathname === "/apis/apps/v1") {
      return reply(response, { resources: [{ name: "daemonsets", kind: "DaemonSet", namespaced: true }] });
    }
    if (url.pathname === "/api/v1/nodes") return reply(response, { metadata: {}, items: [] });
    if (kind !== "daemonsets" && kind !== "pods" && kind !== "events") return void response.writeHead(404).end();
    if (url.searchParams.get("watch") === "true") return this.#watch(kind, url, response);
    this.#list(kind, url, response);
  }

  /** The controller's part: it counts the nodes, and each gets a pod. */
  #apply(given: ApiObject, response: ServerResponse): void {
    const kept = this.leavesOutImageVolumes ? withoutImageVolumes(given) : given;
    const daemonSet = makeDaemonSet(kept, this.#nodes.length);
    this.#image = String(daemonSet.metadata.annotations?.["slipway/image"]);
    this.#put("daemonsets", daemonSet);
    for (const node of this.#nodes) this.setPod(node, "queued");
    reply(response, daemonSet);
  }

  /** All pages of a list show the moment of its first, as a real server's do. */
  #list(kind: Kind, { searchParams }: URL, response: ServerResponse): void {
    this.lists[kind]++;
    const limit = Number(searchParams.get("limit") ?? Infinity);
    const [resourceVersion = "", start] = searchParams.get("continue")?.split("/") ?? [String(this.#version), "0"];
    const all = this.#snapshots.get(`${kind} ${resourceVersion}`) ?? [...this.#objects[kind].values()];
    this.#snapshots.set(`${kind} ${resourceVersion}`, all);
    const end = Number(start) + limit;
    const next = end < all.length ? { continue: `${resourceVersion}/${end}` } : {};
    reply(response, { metadata: { resourceVersion, ...next }, items: all.slice(Number(start), end) });
  }

  #watch(kind: Kind, { searchParams }: URL, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const since = Number(searchParams.get("resourceVersion"));
    for (const change of this.#changes) if (change.kind === kind && change.version > since) send(response, change);
    this.#watchers = [...this.#watchers, { kind, response }];
    response.on("close", () => {
      this.#watchers = this.#watchers.filter((watcher) => watcher.response !== response);
    });
  }
}

function withoutImageVolumes(object: ApiObject): ApiObject {
  const { spec } = v.parse(daemonSetSchema, object).spec.template;
  const volumes = spec.volumes.filter((volume) => !("image" in volume));
  return { ...object, spec: { ...Object(object["spec"]), template: { spec: { ...spec, volumes } } } };
}

const daemonSetSchema = v.object({
  spec: v.object({ template: v.object({ spec: v.looseObject({ volumes: v.array(v.looseObject({})) }) }) }),
});

function send(response: ServerResponse, { type, object }: Change): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function reply(response: ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
