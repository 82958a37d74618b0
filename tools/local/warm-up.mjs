import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { cloneFolder } from "./folders.mjs";
import { readOutputs, selectStack, up } from "./pulumi-run.mjs";

/**
 * Brings up examples/warm-pool/ in the local Kubernetes and shows what it made of it.
 * @param {{ cluster: import("../cluster/cluster.mjs").Cluster, env: Record<string, string>,
 *   share: (pid: number) => void, section: (title: string) => void, log: (line: string) => void }} options
 * @returns {Promise<string>} what to do by hand, one line each
 */
export async function warmUp({ cluster, env, share, section, log }) {
  const program = { folder: join(cloneFolder, "examples", "warm-pool"), env: { ...process.env, ...env } };
  section("pulumi up: a warm pool on both nodes, and a sandbox that waits for it");
  await selectStack("dev", program);
  // The cluster's objects go with its cache folder, the stack's state with the clone.
  await up(program, ["--refresh"], share);
  const { ref, namespace, sandboxName } = await readOutputs(program, ["ref", "namespace", "sandboxName"]);

  section("What the nodes hold");
  log(`image     ${ref}`);
  for (const node of ["node-cpu-1", "node-gpu-1"]) {
    const socket = join(cluster.folder, "nodes", node, "containerd.sock");
    const held = await runCommand(cluster.ctr, ["-a", socket, "-n", "k8s.io", "images", "ls", "-q"]);
    log(`${node}  ${held.split("\n").includes(ref) ? "holds it" : "does not hold it"}`);
  }

  section("What the sandbox says, on node-cpu-1");
  const here = ["--kubeconfig", cluster.kubeconfig, "-n", namespace];
  for (const line of await readLogs(cluster.kubectl, [...here, "logs", `deploy/${sandboxName}`])) log(`  ${line}`);

  return `
  kubectl get pods -n ${namespace} -o wide
  kubectl exec -n ${namespace} deploy/${sandboxName} -it -- bash
  pulumi -C examples/warm-pool preview`;
}

/** What a container that has just started has printed, or nothing after a while. @param {string} kubectl @param {readonly string[]} args */
async function readLogs(kubectl, args) {
  const end = performance.now() + 10_000;
  for (;;) {
    const logs = (await runCommand(kubectl, args)).trimEnd();
    if (logs !== "" || performance.now() > end) return logs.split("\n");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
