import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { awaitWarm } from "../../provider/await-warm";
import { openCluster } from "../../provider/cluster";
import { publishPauseImage } from "../../provider/pause-image";
import type { Mechanism } from "../../provider/warm-manifest";
import { onceManifest } from "../../provider/warm-once";
import { parseRepository } from "../../sdk/reference";
import { startRegistry } from "../../tools/environment.mjs";
import { anyFreePort } from "../../tools/local/registry.mjs";
import { makeTemporaryFolder, pulumi, writeFiles } from "../e2e/stack";
import { SimulatedCluster } from "../fakes/simulated-cluster";
import { newFolder, newName, newRepository, registry } from "../integration/real-parts";
import { cluster, imagesOn, IMPORTS, kubectl, makeClusterStack, newNamespace } from "./cluster-parts";
import { imageWarm } from "./slipway-command";

/** An image of one file, without a shell, in a repository of its own: the one that sleeps. */
async function publishShellLess(repository = newRepository()): Promise<string> {
  const { digest } = await publishPauseImage(registry, parseRepository(repository));
  return `${repository}@${digest}`;
}

/** One for all: another one would start the pods anew. */
const pause = publishShellLess();

interface Order {
  readonly namespace: string;
  readonly reference: string;
  /** Label and value of the nodes. */
  readonly nodes?: readonly [string, string];
  readonly mechanism?: Mechanism;
}

interface Wait {
  readonly minPercent?: number;
  readonly timeoutSeconds?: number;
  readonly report?: (text: string) => void;
}

/** Puts an image on nodes as a pool does, and waits as a pool does. */
async function keepWarm(order: Order, { minPercent = 100, timeoutSeconds = 60, report = () => undefined }: Wait = {}) {
  const { namespace, reference, nodes: [key, value] = ["pool", "cpu"], mechanism = "imageVolume" } = order;
  const kube = await openCluster((await cluster).kubeconfig);
  const manifest = onceManifest({
    namespace,
    reference,
    mechanism,
    hash: createHash("sha256").update(JSON.stringify(order)).digest("hex"),
    architectures: ["amd64"],
    nodes: { labels: [{ key, values: [value] }], tolerations: undefined },
    pause: await pause,
    imagePullSecrets: [],
    runtimeClassName: undefined,
    expiresAt: undefined,
  });
  const { name, uid } = await kube.applyDaemonSet(manifest);
  const watch = { cluster: kube, report, warn: report, signal: new AbortController().signal, patienceMs: 1_000 };
  return await awaitWarm([{ namespace, name, uid, group: "group", key: "api" }], { minPercent, timeoutSeconds }, watch);
}

test("an image without a shell is held by an image volume, and by a container of its own", async () => {
  const namespace = await newNamespace();
  for (const mechanism of ["imageVolume", "exec"] as const) {
    const reference = await publishShellLess();
    const groups = await keepWarm({ namespace, reference, mechanism });
    expect(groups).toEqual({ group: { desired: 1, warm: 1, failed: [] } });
    expect(await imagesOn("node-cpu-1")).toContain(reference);
  }
});

test("an image of another stack that is gone is told by the node, and fails the update", async () => {
  const namespace = await newNamespace();
  const repository = newRepository();
  await publishShellLess(repository);
  const handle = { uri: "", ref: `${repository}@sha256:${"0".repeat(64)}`, hash: "0".repeat(64) };
  const stack = await makeClusterStack(`
const gone = ${JSON.stringify({ ...handle, platforms: ["linux/amd64"], sizeBytes: 0 })} as const;
new WarmPool("fleet", { images: { gone }, nodeGroups: { cpu: { labels: { pool: "cpu" } } }, namespace: "${namespace}", repository: "${repository}", wait: { timeoutSeconds: 5 } });
`);
  const up = await pulumi(stack, "up");
  expect(up.exitCode).not.toBe(0);
  expect(up.text).toContain("(cpu 0 of 1; wanted are 100%)");
  expect(up.text).toContain("node-cpu-1, gone: the registry does not have it");
});

test("a kubeconfig of another cluster than the provider's fails the update at once, and its own cluster's mends it", async () => {
  const namespace = await newNamespace();
  const repository = newRepository();
  const reference = await publishShellLess(repository);
  const other = new SimulatedCluster([]);
  await other.start();
  const program = (kubeconfig: string): string => `
const provider = new k8s.Provider("cluster", { kubeconfig: process.env["KUBECONFIG"]! });
new WarmPool("fleet", { images: { api: "${reference}" }, nodeGroups: { cpu: { labels: { pool: "cpu" } } },
  namespace: "${namespace}", repository: "${repository}"${kubeconfig} }, { provider });`;
  const stack = await makeClusterStack(program(`, kubeconfig: ${JSON.stringify(other.kubeconfig)}`));
  const up = await pulumi(stack, "up");
  expect(up.exitCode).not.toBe(0);
  const { server = "" } = /"server":"(?<server>[^"]+)"/.exec(other.kubeconfig)?.groups ?? {};
  expect(up.text).toMatch(
    new RegExp(
      `the DaemonSet ${namespace}/fleet-cpu-api-\\w+ that the provider made is not there in the cluster at ${server}\\.`,
    ),
  );
  expect(up.text).toContain("Give the WarmPool the kubeconfig of its provider's cluster.");

  writeFiles(stack.folder, { "index.ts": IMPORTS + program("") });
  const mended = await pulumi(stack, "up");
  expect(mended.exitCode, mended.text).toBe(0);
});

test("a registry that is down is named, and when it is back the image becomes warm by itself", async () => {
  const namespace = await newNamespace();
  const [root, port] = [makeTemporaryFolder(), await anyFreePort()];
  const first = await startRegistry({ root, port });
  const reference = await publishShellLess(`${first.address}/team/api`);
  await first.stop();
  const said: string[] = [];
  let again: ReturnType<typeof startRegistry> | undefined;
  onTestFinished(async () => await (await again)?.stop());
  const report = (text: string): void => {
    said.push(text);
    if (text.includes("cannot reach the registry")) again ??= startRegistry({ root, port });
  };
  const groups = await keepWarm({ namespace, reference }, { report });
  expect(groups["group"]?.warm).toBe(1);
  expect(said).toContain("group 0/1 warm; node-cpu-1, api: the node cannot reach the registry");
});

/** Two nodes with a label that no other has: one of the cluster's, and one that does not answer. */
async function halfReadyNodes(): Promise<readonly [string, string]> {
  const [key, value] = ["slipway-test/group", newName()];
  const silent = `silent-${value}`;
  const resources = { cpu: "1", memory: "1Gi", pods: "10" };
  const conditions = [{ type: "Ready", status: "False", reason: "KubeletNotReady" }];
  const labels = { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", [key]: value };
  const status = { capacity: resources, allocatable: resources, conditions };
  const file = join(newFolder(), "node.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name: silent, labels }, status }));
  await kubectl("create", "-f", file);
  onTestFinished(async () => {
    await kubectl("delete", "node", silent, "--wait=false");
  });
  await kubectl("label", "node", "node-cpu-1", `${key}=${value}`, "--overwrite"); // a killed run leaves its own
  onTestFinished(async () => {
    await kubectl("label", "node", "node-cpu-1", `${key}-`);
  });
  return [key, value];
}

test("a node that is not ready is named, and minPercent goes without it", async () => {
  const namespace = await newNamespace();
  const nodes = await halfReadyNodes();
  const order = { namespace, nodes, reference: await publishShellLess() };
  expect(await keepWarm(order, { minPercent: 50 })).toEqual({ group: { desired: 2, warm: 1, failed: [] } });
  const all = keepWarm(order, { timeoutSeconds: 5 });
  await expect(all).rejects.toThrow(
    /\(group 1 of 2; wanted are 100%\)\.\n {2}- silent-\S+, api: the node is not ready/,
  );

  const repository = newRepository();
  const hash = "7".repeat(64);
  await publishShellLess(repository);
  const address = parseRepository(repository);
  const manifest = await registry.fetchManifest(address, "pause-v1");
  if (manifest === undefined) throw new Error("the image was not pushed");
  await registry.putManifest(address, hash, manifest);
  const args = ["--image", hash, "--repository", repository, "--namespace", namespace, "--nodes", nodes.join("=")];
  const half = await imageWarm([...args, "--wait", "50%"]);
  expect(half.exitCode, half.stderr).toBe(0);
  const partly = await imageWarm([...args, "--timeout", "2s"]);
  expect(partly.exitCode).toBe(3);
  expect(partly.stderr).toMatch(/^silent-\S+ {2}failed {2}the node is not ready$/m);
});
