import { expect, test } from "vitest";
import { newRepository } from "../integration/real-parts";
import { pulumi } from "../e2e/stack";
import { cluster, kubectl, makeClusterStack, newNamespace } from "./cluster-parts";
import { readFileSync } from "node:fs";

const repository = newRepository();

test("a sandbox with a GPU runs on the GPU's node, by an explicit provider while KUBECONFIG is not set", async () => {
  const namespace = await newNamespace();
  const kubeconfig = readFileSync((await cluster).kubeconfig, "utf8");
  const stack = await makeClusterStack(
    `
const kubeconfig = process.env["GIVEN"]!;
const provider = new k8s.Provider("cluster", { kubeconfig: pulumi.secret(kubeconfig) });
const image = new BuiltImage("dev", { image: Image.debianSlim("3.11").runCommands("echo sandbox > /sandbox"), repository: "${repository}" });
const pool = new WarmPool("fleet", { images: [image], nodeGroups: { gpu: { labels: { pool: "gpu" } } }, namespace: "${namespace}", kubeconfig }, { provider });
const sandbox = new Sandbox("dev", { image, pool, command: ["sleep", "infinity"], gpus: 1, user: 1000, namespace: "${namespace}", nodeGroup: { labels: { pool: "gpu" } } }, { provider });
export const name = sandbox.name;
`,
    { KUBECONFIG: "", GIVEN: kubeconfig },
  );
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const name = String(up.outputs["name"]);
  expect(await kubectl("exec", "-n", namespace, `deploy/${name}`, "--", "cat", "/sandbox")).toBe("sandbox\n");
  const node = await kubectl(
    "get",
    "pods",
    "-n",
    namespace,
    "-l",
    `app.kubernetes.io/instance=${name}`,
    "-o",
    "jsonpath={.items[*].spec.nodeName}",
  );
  expect(node).toBe("node-gpu-1");
  const destroy = await pulumi(stack, "destroy");
  expect(destroy.exitCode, destroy.text).toBe(0);
});
