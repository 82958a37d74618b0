import { beforeEach, expect, test } from "vitest";
import { awaitWarm } from "../../provider/await-warm";
import type { WarmTarget } from "../../provider/warm-progress";
import { SlipwayError } from "../../sdk/error";
import { FakeCluster, FOR_AMD64 } from "../fakes/fake-cluster";

const target = (name: string, group = "cpu"): WarmTarget => ({
  namespace: "warm",
  name,
  uid: `uid-${name}`,
  group,
  key: name,
});
const missing = { reason: "ErrImagePull", message: "code = NotFound desc = x: not found" };

let cluster: FakeCluster;
let lines: string[];
let warnings: string[];
beforeEach(() => {
  cluster = new FakeCluster();
  lines = [];
  warnings = [];
});

function wait(targets: readonly WarmTarget[], minPercent = 100, timeoutSeconds = 5, patienceMs = 50) {
  return awaitWarm(
    targets,
    { minPercent, timeoutSeconds },
    {
      cluster,
      report: (text) => lines.push(text),
      warn: (text) => warnings.push(text),
      signal: new AbortController().signal,
      intervalMs: 5,
      patienceMs,
    },
  );
}

async function failureOf(work: Promise<unknown>): Promise<SlipwayError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("waiting ends when every node of every group holds every image", async () => {
  cluster.setDaemonSet("a", 2);
  cluster.setDaemonSet("b", 1);
  cluster.setPod("a", "node-1", "ready");
  cluster.setPod("a", "node-2", "pulling");
  cluster.setPod("b", "node-3", "ready");
  const done = wait([target("a"), target("b", "gpu")]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(lines).toEqual(["cpu 1/2 warm, gpu 1/1 warm"]);
  cluster.setPod("a", "node-2", "ready");
  expect(await done).toEqual({
    cpu: { desired: 2, warm: 2, failed: [] },
    gpu: { desired: 1, warm: 1, failed: [] },
  });
});

test("a node is warm when it holds all images of its group", async () => {
  cluster.setDaemonSet("a", 2);
  cluster.setDaemonSet("b", 2);
  for (const node of ["node-1", "node-2"]) cluster.setPod("a", node, "ready");
  cluster.setPod("b", "node-1", "ready");
  cluster.setPod("b", "node-2", missing);
  const groups = await wait([target("a"), target("b")], 50);
  expect(groups["cpu"]).toEqual({
    desired: 2,
    warm: 1,
    failed: [{ node: "node-2", key: "b", cause: "the registry does not have it" }],
  });
});

test("a share is rounded up: of three nodes 90% are three", async () => {
  cluster.setDaemonSet("a", 3);
  for (const node of ["node-1", "node-2"]) cluster.setPod("a", node, "ready");
  cluster.setPod("a", "node-3", "pulling");
  const error = await failureOf(wait([target("a")], 90, 0.05));
  expect(error.code).toBe("NODES_NOT_WARM");
});

test("a cause that does not pass by itself ends the waiting long before its time", async () => {
  cluster.setDaemonSet("a", 1);
  cluster.setPod("a", "node-1", missing);
  const error = await failureOf(wait([target("a")], 100, 60));
  expect(error.code).toBe("NODES_NOT_WARM");
  expect(error.text).toContain("(cpu 0 of 1; wanted are 100%)");
  expect(error.text).toContain("  - node-1, a: the registry does not have it");
  expect(lines.at(-1)).toBe("cpu 0/1 warm; node-1, a: the registry does not have it");
});

test("one group that cannot become warm ends the waiting, though another one's nodes are still pulling", async () => {
  cluster.setDaemonSet("a", 3);
  cluster.setPod("a", "node-1", "ready");
  for (const node of ["node-2", "node-3"]) cluster.setPod("a", node, missing);
  cluster.setDaemonSet("b", 1);
  cluster.setPod("b", "node-4", "pulling");
  const error = await failureOf(wait([target("a"), target("b", "gpu")], 50, 60));
  expect(error.text).toContain("(cpu 1 of 3, gpu 0 of 1; wanted are 50%)");
  expect(error.text).toContain("  - node-4, b: it is still pulling");
});

test("a cause that does not pass by itself ends nothing where enough other nodes are still pulling", async () => {
  cluster.setDaemonSet("a", 2);
  cluster.setPod("a", "node-1", missing);
  cluster.setPod("a", "node-2", "pulling");
  const done = wait([target("a")], 50, 60);
  await new Promise((resolve) => setTimeout(resolve, 100));
  cluster.setPod("a", "node-2", "ready");
  expect((await done)["cpu"]?.warm).toBe(1);
});

test("a registry that comes back is waited for", async () => {
  cluster.setDaemonSet("a", 1);
  cluster.setPod("a", "node-1", { reason: "ErrImagePull", message: "dial tcp: connect: connection refused" });
  const done = wait([target("a")]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  cluster.setPod("a", "node-1", "ready");
  expect((await done)["cpu"]?.warm).toBe(1);
});

test("a node that does not answer is named as the cause, and spared by minPercent", async () => {
  cluster.setDaemonSet("a", 2);
  cluster.setPod("a", "node-1", "ready");
  cluster.setPod("a", "node-2", "pulling");
  cluster.unreadyNodes.add("node-2");
  const error = await failureOf(wait([target("a")], 100, 0.05));
  expect(error.text).toContain("  - node-2, a: the node is not ready");
  expect((await wait([target("a")], 50))["cpu"]?.warm).toBe(1);
});

test("numbers that the controller has not looked at yet are no numbers", async () => {
  cluster.daemonSets.set("a", {
    name: "a",
    uid: "uid-a",
    generation: 2,
    observedGeneration: 1,
    desired: 0,
    ready: 0,
    annotations: {},
    placement: FOR_AMD64,
    holdsImage: true,
  });
  const error = await failureOf(wait([target("a")], 100, 0.05));
  expect(error.code).toBe("NODES_NOT_WARM");
});

test("a group without nodes is warm", async () => {
  cluster.setDaemonSet("a", 0);
  expect(await wait([target("a")])).toEqual({ cpu: { desired: 0, warm: 0, failed: [] } });
});

test("a DaemonSet of the same name in another cluster is seen", async () => {
  expect((await failureOf(wait([target("a")]))).code).toBe("CLUSTER_MISMATCH");
  cluster.setDaemonSet("a", 1, "another-uid");
  expect((await failureOf(wait([target("a")]))).text).toContain("https://fake:6443");
});

test("an image that the cluster left out of the DaemonSet is not warm, though every pod is ready", async () => {
  cluster.setDaemonSet("a", 1, "uid-a", false);
  cluster.setPod("a", "node-1", "ready");
  const error = await failureOf(wait([target("a")]));
  expect(error.code).toBe("NODES_NOT_WARM");
  expect(error.message).toContain(
    'left the image out of the DaemonSet warm/a. Give the WarmPool { mechanism: "exec" }.',
  );
});

test("a node of an architecture that the image is not for is one of those that are to be warm, says why it is not, and ends the waiting at once", async () => {
  cluster.setDaemonSet("a", 1);
  cluster.setPod("a", "node-1", "ready");
  cluster.otherNodes = [{ name: "node-2", architecture: "arm64", taints: [] }];
  const error = await failureOf(wait([target("a")], 100, 60, 60_000));
  expect(error.text).toContain("(cpu 1 of 2; wanted are 100%)");
  expect(error.text).toContain("  - node-2, a: the node is arm64; the image has linux/amd64 only");
  expect((await wait([target("a")], 50))["cpu"]).toMatchObject({ desired: 2, warm: 1 });
});

test("where nodes may not be listed, those of other architectures are left out, and that is said once", async () => {
  cluster.setDaemonSet("a", 1);
  cluster.setPod("a", "node-1", "ready");
  cluster.otherNodes = undefined;
  expect((await wait([target("a")]))["cpu"]).toMatchObject({ desired: 1, warm: 1 });
  expect(warnings).toEqual([
    "nodes of another architecture than the image's are not counted: this kubeconfig's user cannot list nodes",
  ]);
});
