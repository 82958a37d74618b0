import { expect, test } from "vitest";
import { describeNode } from "../../provider/node-view";
import { judgeView, viewOrder } from "../../provider/warm-once";
import { FakeCluster } from "../fakes/fake-cluster";

const reference = "ghcr.io/acme/images@sha256:aa";

test("a node that does not answer is a failed one, unless it says more", () => {
  const cluster = new FakeCluster();
  cluster.setDaemonSet("a", 2);
  cluster.setPod("a", "node-1", "pulling");
  cluster.setPod("a", "node-2", { reason: "ErrImagePull", message: "connection refused" });
  const { nodes } = viewOrder(reference, {
    target: { namespace: "warm", name: "a", uid: "uid-a", group: "cpu", key: "image" },
    daemonSet: cluster.daemonSets.get("a"),
    pods: [...cluster.pods.values()],
    others: [],
    messages: new Map([["a-node-1", [`Pulling image "${reference}"`]]]),
    unready: new Set(["node-1", "node-2"]),
  });
  expect(nodes.map(describeNode)).toEqual([
    "node-1  failed  the node is not ready",
    "node-2  failed  the node cannot reach the registry",
  ]);
});

test("a node of another architecture is a failed one of those that are to hold the image", () => {
  const cluster = new FakeCluster();
  cluster.setDaemonSet("a", 1);
  cluster.setPod("a", "node-1", "ready");
  const other = { node: "node-0", cause: "the node is arm64; the image has linux/amd64 only" };
  const view = viewOrder(reference, {
    target: { namespace: "warm", name: "a", uid: "uid-a", group: "cpu", key: "image" },
    daemonSet: cluster.daemonSets.get("a"),
    pods: [...cluster.pods.values()],
    others: [other],
    messages: new Map(),
    unready: new Set(),
  });
  expect(view).toEqual({
    desired: 2,
    nodes: [
      { node: "node-0", state: "failed", cause: other.cause, definite: true },
      { node: "node-1", state: "warm", seconds: undefined, sizeBytes: undefined },
    ],
  });
  expect(judgeView(view, 100)).toBe("partly");
  expect(judgeView(view, 50)).toBe("warm");
});
