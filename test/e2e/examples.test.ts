import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { makeClusterStandIn, makeEksApp, makeExampleStack } from "./example";
import { startTestRegistry, type TestRegistry } from "./registry";
import { makeTemporaryFolder, pulumi, UNKNOWN, writeFiles } from "./stack";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

/** A cluster that does not answer, as from a laptop without its VPN: a preview goes on. */
const nowhere = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "eks", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "eks", user: { token: "the-token-of-the-cluster" } }],
  contexts: [{ name: "eks", context: { cluster: "eks", user: "eks" } }],
  "current-context": "eks",
});

test("the EKS example previews with a kubeconfig that is a secret of the cluster's stack", async () => {
  const cluster = await makeClusterStandIn(nowhere);
  const made = await pulumi(cluster, "up");
  expect(made.exitCode, made.text).toBe(0);
  const app = await makeEksApp(cluster, registry.env);
  const preview = await pulumi(app, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  expect(preview.lines["api"]).toContain("info: builds from the base, 2 steps: new image");
  expect(preview.steps["fleet-gpu-dev"]).toEqual(["create"]);
  expect(preview.text).not.toContain("the-token-of-the-cluster");
});

test("the PyTorch example previews offline by its lock", async () => {
  const folder = makeTemporaryFolder();
  writeFiles(folder, { kubeconfig: nowhere });
  const stack = await makeExampleStack("gpu-pytorch", { ...registry.env, KUBECONFIG: join(folder, "kubeconfig") });
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  expect(preview.outputs["uri"]).toMatch(/:[0-9a-f]{64}$/);
  expect(preview.outputs["ref"]).toBe(UNKNOWN);
});
