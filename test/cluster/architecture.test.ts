import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { Image } from "../../sdk/image";
import { cloneFolder, pulumi } from "../e2e/stack";
import { newName, publish } from "../integration/real-parts";
import { cluster, kubectl, makeClusterStack, newNamespace } from "./cluster-parts";

const built = publish(Image.debianSlim("3.11").runCommands("echo architecture > /architecture"));
const CAUSE = "the node is arm64; the image has linux/amd64 only";

/** A node in name only: nothing runs there, and no pod has to. Its label makes it a group of its own. */
async function addArmNode(): Promise<{ readonly node: string; readonly pool: string }> {
  const { kubectl: command, kubeconfig } = await cluster;
  const node = `arm-${newName()}`;
  const labels = { "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64", pool: node };
  const object = { apiVersion: "v1", kind: "Node", metadata: { name: node, labels } };
  const created = promisify(execFile)(command, ["--kubeconfig", kubeconfig, "create", "-f", "-"]);
  created.child.stdin?.end(JSON.stringify(object));
  await created;
  onTestFinished(async () => void (await kubectl("delete", "node", node)));
  return { node, pool: node };
}

test("a pool with a node of another architecture fails before anything runs there, and says which it is", async () => {
  const namespace = await newNamespace();
  const { node, pool } = await addArmNode();
  const { ref, repository } = await built;
  const program = (wait: string) => `
const pool = new WarmPool("fleet", { images: { api: "${ref}" }, nodeGroups: { arm: { labels: { pool: "${pool}" } } },
  namespace: "${namespace}", repository: "${repository}", wait: ${wait} });
export const groups = pool.groups;`;
  const strict = await pulumi(await makeClusterStack(program('"all"')), "up");
  expect(strict.exitCode).not.toBe(0);
  // Not after 15 minutes: no node changes its architecture.
  expect(strict.text).toMatch(/after \d s .* \(arm 0 of 1; wanted are 100%\)/);
  expect(strict.text).toContain(`${node}, api: ${CAUSE}`);
  expect(await kubectl("get", "pods", "-n", namespace, "-o", "name")).toBe("");

  const lenient = await pulumi(await makeClusterStack(program("{ minPercent: 0 }")), "up");
  expect(lenient.exitCode, lenient.text).toBe(0);
  const failed = [{ node, key: "api", cause: CAUSE }];
  expect(lenient.outputs["groups"]).toEqual({ arm: { desired: 1, warm: 0, failed } });
});

test("slipway image warm shows a node of another architecture as failed, and ends at once with the code for no warm node", async () => {
  const namespace = await newNamespace();
  const { node, pool } = await addArmNode();
  const { hash, repository } = await built;
  const { kubeconfig } = await cluster;
  const args = ["--image", hash, "--repository", repository, "--namespace", namespace, "--nodes", `pool=${pool}`];
  const ended = await new Promise<{ readonly exitCode: unknown; readonly stderr: string }>((resolve) => {
    const command = [join(cloneFolder, "dist/cli/main.js"), "image", "warm", ...args];
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    execFile(process.execPath, command, { env }, (error, _stdout, stderr) =>
      resolve({ exitCode: error?.code ?? 0, stderr }),
    );
  });
  expect(ended.exitCode, ended.stderr).toBe(4);
  expect(ended.stderr).toContain(`${node}  failed  ${CAUSE}`);
});
