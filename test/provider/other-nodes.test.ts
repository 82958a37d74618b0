import { expect, test, vi } from "vitest";
import { OtherNodes } from "../../provider/other-nodes";
import { FakeCluster, FOR_AMD64 } from "../fakes/fake-cluster";

const gpuTaint = { key: "nvidia.com/gpu", value: "", effect: "NoSchedule" };
const unreachable = { key: "node.kubernetes.io/unreachable", value: "", effect: "NoExecute" };

async function find(tolerations: (typeof FOR_AMD64)["tolerations"], taints = [gpuTaint]) {
  const cluster = new FakeCluster();
  cluster.otherNodes = [{ name: "node-2", architecture: "arm64", taints }];
  return await new OtherNodes(cluster, () => undefined).find({ ...FOR_AMD64, tolerations });
}

test("the nodes asked for are those of the group, of every architecture but the image's", async () => {
  const cluster = new FakeCluster();
  const asked = vi.spyOn(cluster, "findNodes");
  const nodes = new OtherNodes(cluster, () => undefined);
  const fargate = { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] };
  await nodes.find({ ...FOR_AMD64, expressions: [...FOR_AMD64.expressions, fargate] });
  await nodes.find({ ...FOR_AMD64, expressions: [...FOR_AMD64.expressions, fargate] });
  expect(asked.mock.calls).toEqual([
    [
      "kubernetes.io/arch,kubernetes.io/arch notin (amd64),pool in (cpu),eks.amazonaws.com/compute-type notin (fargate)",
    ],
  ]);
});

test("an image of which no architecture is known has no wrong nodes", async () => {
  const cluster = new FakeCluster();
  cluster.otherNodes = [{ name: "node-2", architecture: "arm64", taints: [] }];
  expect(await new OtherNodes(cluster, () => undefined).find({ expressions: [], tolerations: [] })).toEqual([]);
});

test("a node whose taint the pods do not put up with is none of the group's", async () => {
  expect(await find([])).toEqual([]);
  expect(await find([{ key: "other", operator: "Exists" }])).toEqual([]);
  expect(await find([{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoExecute" }])).toEqual([]);
  expect(await find([{ key: "nvidia.com/gpu", operator: "Exists" }])).toHaveLength(1);
  expect(await find([{ operator: "Exists" }])).toHaveLength(1);
  expect(await find([{ key: "nvidia.com/gpu" }])).toHaveLength(1);
});

test("what Kubernetes itself taints a node with keeps no DaemonSet away", async () => {
  expect(await find([], [unreachable])).toHaveLength(1);
});
