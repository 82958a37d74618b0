import { expect, test } from "vitest";
import { describeNodeGroup, parseNodeGroup } from "../../provider/node-groups";

function labelsOf(group: unknown) {
  const parsed = parseNodeGroup(group);
  return typeof parsed === "string" ? parsed : parsed.labels;
}

test("each kind of group is the label by which its cloud marks the nodes", () => {
  expect(labelsOf({ eks: "workers" })).toEqual([{ key: "eks.amazonaws.com/nodegroup", values: ["workers"] }]);
  expect(labelsOf({ karpenter: "gpu" })).toEqual([{ key: "karpenter.sh/nodepool", values: ["gpu"] }]);
  expect(labelsOf({ gke: "pool" })).toEqual([{ key: "cloud.google.com/gke-nodepool", values: ["pool"] }]);
  expect(labelsOf({ aks: "pool" })).toEqual([{ key: "kubernetes.azure.com/agentpool", values: ["pool"] }]);
});

test("a group may have several names, in any order and number", () => {
  expect(labelsOf({ eks: ["b", "a", "b"] })).toEqual([{ key: "eks.amazonaws.com/nodegroup", values: ["a", "b"] }]);
});

test("plain labels must all be there", () => {
  expect(labelsOf({ labels: { pool: "edge", disk: "ssd" } })).toEqual([
    { key: "disk", values: ["ssd"] },
    { key: "pool", values: ["edge"] },
  ]);
});

test("a group that would be every node, none, or two things at once is refused", () => {
  expect(labelsOf({ labels: {} })).toBe("labels is empty, which would be every node");
  expect(labelsOf({ eks: [] })).toBe("eks must be a name or a list of names");
  expect(labelsOf({ eks: "a", gke: "b" })).toBe("it needs one of eks, karpenter, gke, aks, labels");
  expect(labelsOf({})).toBe("it needs one of eks, karpenter, gke, aks, labels");
  expect(labelsOf({ eks: "a", toleration: [] })).toBe("there is no toleration in a node group");
  expect(labelsOf({ labels: { pool: 1 } })).toBe("the label pool must be a string");
  expect(labelsOf("workers")).toBe("it is no object");
});

test("a group reads as what its nodes have to carry", () => {
  const parsed = parseNodeGroup({ labels: { disk: "ssd", pool: "edge" } });
  expect(typeof parsed === "string" ? parsed : describeNodeGroup(parsed)).toBe("disk=ssd and pool=edge");
  const several = parseNodeGroup({ karpenter: ["a", "b"] });
  expect(typeof several === "string" ? several : describeNodeGroup(several)).toBe("karpenter.sh/nodepool in (a, b)");
});
