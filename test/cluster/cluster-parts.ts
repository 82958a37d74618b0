import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { startCluster } from "../../tools/environment.mjs";
import { link, makeStack, type Stack } from "../e2e/stack";
import { newName, newRepository } from "../integration/real-parts";

const run = promisify(execFile);

/** The local Kubernetes: running already, as `npm run test:cluster` starts it. */
export const cluster = startCluster();

export const NODES = ["node-cpu-1", "node-gpu-1"] as const;

/** The node groups of the local Kubernetes, as a program writes them. */
export const GROUPS = `{ cpu: { labels: { pool: "cpu" } }, gpu: { labels: { pool: "gpu" } } }`;

/** The first lines of a program that uses a cluster. */
export const IMPORTS =
  `import * as pulumi from "@pulumi/pulumi"; import * as k8s from "@pulumi/kubernetes"; import { Image } from "slipway"; ` +
  `import { BuiltImage, Sandbox, WarmPool, podTemplate } from "slipway/pulumi";\n`;

export async function kubectl(...args: readonly string[]): Promise<string> {
  const { kubectl: command, kubeconfig } = await cluster;
  const { stdout } = await run(command, ["--kubeconfig", kubeconfig, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** A namespace that lets nothing in but pods of the restricted level; it goes when the test has ended. */
export async function newNamespace(): Promise<string> {
  const name = `test-${newName()}`;
  await kubectl("create", "namespace", name);
  await kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted");
  onTestFinished(async () => {
    await kubectl("delete", "namespace", name, "--wait=false");
  });
  return name;
}

/** The references of the images that a node's containerd holds. */
export async function imagesOn(node: string): Promise<readonly string[]> {
  const { stdout } = await ctr(node, "images", "ls", "-q");
  return stdout.split("\n").filter((line) => line !== "");
}

/** The kubeconfig, as text, of a service account that may do nothing. */
export async function kubeconfigOf(name: string): Promise<string> {
  return (await newAccount(name)).kubeconfig;
}

/** A service account of the namespace `default` that may do nothing, and its kubeconfig as text. */
export async function newAccount(name: string): Promise<{ readonly account: string; readonly kubeconfig: string }> {
  const { kubeconfig } = await cluster;
  const account = `${name}-${newName()}`;
  await kubectl("create", "serviceaccount", account, "-n", "default");
  onTestFinished(async () => {
    await kubectl("delete", "serviceaccount", account, "-n", "default");
  });
  const token = (await kubectl("create", "token", account, "-n", "default")).trim();
  const config: { clusters: unknown; contexts: unknown; users: readonly { name: string }[] } = JSON.parse(
    readFileSync(kubeconfig, "utf8"),
  );
  const users = config.users.map((user) => ({ name: user.name, user: { token } }));
  return { account, kubeconfig: JSON.stringify({ ...config, users }) };
}

/** Lets a node find nothing at the local registry until the test has ended, or `mend` is called. */
export async function breakRegistry(node: string): Promise<{ readonly mend: () => void }> {
  const host = newRepository().split("/")[0] ?? "";
  const folder = join((await cluster).folder, "nodes", node, "registries", host);
  mkdirSync(folder, { recursive: true });
  // containerd reads it at each pull.
  writeFileSync(join(folder, "hosts.toml"), 'server = "http://127.0.0.1:1"\n');
  const mend = (): void => rmSync(folder, { recursive: true, force: true });
  onTestFinished(mend);
  return { mend };
}

/** Lets both nodes look for Docker Hub's images in the local registry first, until the test has ended. */
export async function mirrorDockerHub(): Promise<void> {
  const { folder } = await cluster;
  const mirror = newRepository().split("/")[0] ?? "";
  for (const node of NODES) {
    const place = join(folder, "nodes", node, "registries", "docker.io");
    mkdirSync(place, { recursive: true });
    const host = `[host."http://${mirror}"]\ncapabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(place, "hosts.toml"), `server = "https://registry-1.docker.io"\n${host}`);
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  }
}

/** Asks a node's containerd. */
export async function ctr(node: string, ...args: readonly string[]) {
  const { ctr: command, folder } = await cluster;
  return await run(command, ["-a", join(folder, "nodes", node, "containerd.sock"), "-n", "k8s.io", ...args]);
}

/** A program that uses the local Kubernetes; its stack is gone from the cluster with the test's namespace. */
export async function makeClusterStack(program: string, env: NodeJS.ProcessEnv = {}): Promise<Stack> {
  const { kubeconfig } = await cluster;
  const stack = await makeStack({ "index.ts": IMPORTS + program }, { KUBECONFIG: kubeconfig, ...env });
  link(stack.folder, "@pulumi/kubernetes");
  return stack;
}

export interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly uid: string;
      readonly labels: Readonly<Record<string, string>>;
    };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly phase: string; readonly conditions?: readonly { type: string; status: string }[] };
  }[];
}

export async function podsIn(namespace: string): Promise<PodList["items"]> {
  const list: PodList = JSON.parse(await kubectl("get", "pods", "-n", namespace, "-o", "json"));
  return list.items;
}
