import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startClusterIn, stopClusterIn } from "../../tools/cluster/cluster.mjs";
import { endWithFile, makeTemporaryFolder, pulumi } from "../e2e/stack";
import { newRepository } from "../integration/real-parts";
import { makeClusterStack } from "./cluster-parts";

const run = promisify(execFile);

/** A cluster beside the tests' own that does as an older one: it leaves image volumes out of what it is given, and says nothing. */
async function startOldCluster() {
  const folder = join(makeTemporaryFolder(), "cluster");
  endWithFile(async () => void (await stopClusterIn(folder)));
  const nodes = [{ name: "node-old-1", labels: { pool: "old" }, taints: [] }];
  const apiserverFlags = ["--emulated-version=1.35", "--feature-gates=ImageVolume=false"];
  const { kubeconfig, kubectl, ctr } = await startClusterIn({ folder, number: 1, nodes, apiserverFlags });
  const socket = join(folder, "nodes", "node-old-1", "containerd.sock");
  return {
    kubeconfig,
    kubectl: async (...args: readonly string[]) =>
      (await run(kubectl, ["--kubeconfig", kubeconfig, ...args])).stdout.trim(),
    images: async () => (await run(ctr, ["-a", socket, "-n", "k8s.io", "images", "ls", "-q"])).stdout.split("\n"),
  };
}

test("where image volumes are switched off, an image is held by a container of its own, and its mounts are copied", async () => {
  const { kubeconfig, kubectl, images } = await startOldCluster();
  await kubectl("create", "namespace", "warm");
  await kubectl("label", "namespace", "warm", "pod-security.kubernetes.io/enforce=restricted");
  const stack = await makeClusterStack(
    `
const image = new BuiltImage("api", { image: Image.debianSlim("3.11").addLocalDir(".", "/app", { ignore: ["*", "!index.ts"] }), repository: "${newRepository()}" });
const pool = new WarmPool("fleet", { images: [image], nodeGroups: { old: { labels: { pool: "old" } } }, namespace: "warm" });
const sandbox = new Sandbox("dev", { image: image.handle, namespace: "warm", user: 1000, command: ["sleep", "infinity"] });
export const ref = pool.ref(image);
export const name = sandbox.name;`,
    { KUBECONFIG: kubeconfig },
  );
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const held = "jsonpath={.items[*].spec.containers[*].image}";
  expect(await kubectl("get", "pods", "-n", "warm", "-l", "app.kubernetes.io/name=warm-image", "-o", held)).toBe(
    up.outputs["ref"],
  );
  expect(await images()).toContain(up.outputs["ref"]);
  expect(await kubectl("exec", "-n", "warm", `deploy/${String(up.outputs["name"])}`, "--", "ls", "/app")).toBe(
    "index.ts",
  );
});
