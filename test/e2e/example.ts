import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { cloneFolder, link, makeStack, type Stack } from "./stack";

/** A stack of one of the clone's examples, copied; `files` take the place of its own or come besides. */
export async function makeExampleStack(
  example: string,
  env: NodeJS.ProcessEnv,
  files: Readonly<Record<string, string>> = {},
): Promise<Stack> {
  const stack = await makeStack({ ...readExample(example), ...files }, env);
  link(stack.folder, "@pulumi/kubernetes");
  return stack;
}

/** The files of an example, by their paths in it. */
function readExample(example: string): Readonly<Record<string, string>> {
  const folder = join(cloneFolder, "examples", example);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

/** The stack that stands for examples/eks-warm-pool/cluster: it exports the same, of a cluster that is there. */
export async function makeClusterStandIn(kubeconfig: string): Promise<Stack> {
  return await makeStack(
    {
      "Pulumi.yaml": "name: slipway-eks-cluster\nruntime: nodejs\n",
      "index.ts": `import * as pulumi from "@pulumi/pulumi";
export const kubeconfig = pulumi.secret(process.env["GIVEN"]!);
export const nodeGroups = { cpu: "cpu-workers", gpu: "gpu-workers" };
`,
    },
    { GIVEN: kubeconfig },
  );
}

/** The app's stack beside the one that stands for its cluster. */
export async function makeEksApp(clusterStack: Stack, env: NodeJS.ProcessEnv): Promise<Stack> {
  const { PULUMI_BACKEND_URL } = clusterStack.env;
  return await makeExampleStack(
    "eks-warm-pool/app",
    { ...env, PULUMI_BACKEND_URL, KUBECONFIG: "" },
    {
      "Pulumi.dev.yaml": "config:\n  slipway-eks-app:cluster: organization/slipway-eks-cluster/dev\n",
    },
  );
}
