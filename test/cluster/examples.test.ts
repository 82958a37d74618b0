import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseRepository } from "../../sdk/reference";
import { Image } from "../../sdk/image";
import { makeClusterStandIn, makeEksApp, makeExampleStack } from "../e2e/example";
import { pulumi } from "../e2e/stack";
import { newRepository, publish, registry } from "../integration/real-parts";
import { cluster, imagesOn, kubectl, mirrorDockerHub, NODES } from "./cluster-parts";

test("the EKS example comes up on nodes with EKS's labels, by a kubeconfig that only the cluster's stack has", async () => {
  await mirrorDockerHub();
  const kubeconfig = readFileSync((await cluster).kubeconfig, "utf8");
  for (const kind of ["cpu", "gpu"]) {
    const label = `eks.amazonaws.com/nodegroup=${kind}-workers`;
    await kubectl("label", "node", `node-${kind}-1`, label, "--overwrite");
  }
  const base = await makeClusterStandIn(kubeconfig);
  const made = await pulumi(base, "up");
  expect(made.exitCode, made.text).toBe(0);
  const app = await makeEksApp(base, { SLIPWAY_REPOSITORY: newRepository() });
  const up = await pulumi(app, "up");
  expect(up.exitCode, up.text).toBe(0);
  for (const node of NODES) expect(await imagesOn(node)).toContain(up.outputs["ref"]);
  const destroy = await pulumi(app, "destroy");
  expect(destroy.exitCode, destroy.text).toBe(0);
});

test("the PyTorch example comes up on the node with the GPU, on a base from a mirror", async () => {
  const mirror = newRepository();
  const repository = `${mirror}/nvidia/pytorch`;
  const { digest } = await publish(Image.debianSlim("3.11").runCommands("echo pytorch > /pytorch"), { repository });
  const address = parseRepository(repository);
  const manifest = await registry.fetchManifest(address, digest);
  if (manifest === undefined) throw new Error(`${repository} lacks what was pushed`);
  await registry.putManifest(address, "24.01-py3", manifest);
  const { kubeconfig } = await cluster;
  const mirrors = [process.env["SLIPWAY_MIRRORS"], `nvcr.io=${mirror}`].filter(Boolean).join(",");
  const env = { KUBECONFIG: kubeconfig, SLIPWAY_MIRRORS: mirrors, SLIPWAY_REPOSITORY: newRepository() };
  // The lock names NVIDIA's own: without it the base is what the mirror has.
  const stack = await makeExampleStack("gpu-pytorch", env, { "images.lock.json": `{ "version": 1, "bases": {} }` });
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(await imagesOn("node-gpu-1")).toContain(up.outputs["ref"]);
  const pod = `deploy/${String(up.outputs["name"])}`;
  expect(await kubectl("exec", pod, "--", "cat", "/pytorch")).toBe("pytorch\n");
  expect(await kubectl("exec", pod, "--", "python3", "-c", "import einops; print(einops.__version__)")).toBe("0.8.0\n");
  const destroy = await pulumi(stack, "destroy");
  expect(destroy.exitCode, destroy.text).toBe(0);
});
