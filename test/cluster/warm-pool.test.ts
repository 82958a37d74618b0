import { expect, onTestFinished, test } from "vitest";
import { addClusterNode } from "../../tools/environment.mjs";
import { newName, newRepository, readImage } from "../integration/real-parts";
import { pulumi, readState, until, writeFiles } from "../e2e/stack";
import {
  breakRegistry,
  ctr,
  GROUPS,
  imagesOn,
  IMPORTS,
  kubeconfigOf,
  kubectl,
  makeClusterStack,
  newNamespace,
  NODES,
  podsIn,
} from "./cluster-parts";

const repository = newRepository();

/** A BuiltImage, one layer for each command, and its pool. */
function program(namespace: string, commands: string | readonly string[], rest = ""): string {
  const words = [commands].flat().map((command) => JSON.stringify(command));
  return `
const image = new BuiltImage("api", { image: Image.debianSlim("3.11").runCommands(${words.join(", ")}), repository: "${repository}" });
const pool = new WarmPool("fleet", { images: [image], nodeGroups: ${GROUPS}, namespace: "${namespace}", wait: { timeoutSeconds: 120 } });
export const ref = pool.ref(image);
export const groups = pool.groups;
${rest}`;
}

test("after pulumi up every node holds the image, in a namespace of the restricted level, and nothing is left to do; a group without nodes is a warning, and a node that joins later is warmed without any command", async () => {
  const namespace = await newNamespace();
  const groups = GROUPS.replace("{", `{ edge: { labels: { pool: "edge" } }, `);
  const stack = await makeClusterStack(program(namespace, `echo ${newName()} > /one`).replace(GROUPS, groups));
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.outputs["groups"]).toEqual({
    cpu: { desired: 1, warm: 1, failed: [] },
    gpu: { desired: 1, warm: 1, failed: [] },
    edge: { desired: 0, warm: 0, failed: [] },
  });
  expect(up.lines["fleet-warm"]).toContain("warning: no node matches the group edge: pool=edge");
  for (const node of NODES) expect(await imagesOn(node)).toContain(up.outputs["ref"]);

  const again = await pulumi(stack, "up", { args: ["--expect-no-changes"] });
  expect(again.exitCode, again.text).toBe(0);
  expect(JSON.stringify(readState(stack))).not.toContain("client-key-data");

  const node = await addClusterNode({ name: "node-cpu-2", labels: { pool: "cpu" }, taints: [] });
  onTestFinished(node.stop);
  await until(async () => (await imagesOn("node-cpu-2")).includes(String(up.outputs["ref"])), 60_000, "the third node");

  const destroy = await pulumi(stack, "destroy");
  expect(destroy.exitCode, destroy.text).toBe(0);
  expect(await kubectl("get", "daemonsets", "-n", namespace, "-o", "name")).toBe("");
});

/** The digests of the blobs that a node's containerd holds. */
async function blobsOn(node: string): Promise<readonly string[]> {
  const { stdout } = await ctr(node, "content", "ls", "-q");
  return stdout.split("\n").filter((line) => line !== "");
}

test("an image with one more step is warm everywhere before the old one goes, and its last layer is all of it that moves", async () => {
  const namespace = await newNamespace();
  // What an earlier run left on the nodes would not move.
  const [two, three] = [`echo ${newName()} > /two`, `echo ${newName()} > /three`];
  const stack = await makeClusterStack(program(namespace, two));
  const first = await pulumi(stack, "up");
  expect(first.exitCode, first.text).toBe(0);
  const before = await podsIn(namespace);
  const blobsBefore = await Promise.all(NODES.map(blobsOn));

  writeFiles(stack.folder, { "index.ts": IMPORTS + program(namespace, [two, three]) });
  const second = await pulumi(stack, "up");
  expect(second.exitCode, second.text).toBe(0);
  expect(second.steps["fleet-cpu-api"]).toEqual(["create-replacement", "replace", "delete-replaced"]);
  expect(second.outputs["ref"]).not.toBe(first.outputs["ref"]);
  const { manifest } = await readImage(String(second.outputs["ref"]));
  const moved = [String(second.outputs["ref"]).split("@")[1], manifest.config.digest, manifest.layers.at(-1)?.digest];
  for (const [index, node] of NODES.entries()) {
    const blobs = (await blobsOn(node)).filter((blob) => blobsBefore[index]?.includes(blob) === false);
    expect(new Set(blobs)).toEqual(new Set(moved));
  }
  // The old DaemonSet is gone by now, its pods take a moment to end.
  const isOld = (uid: string): boolean => before.some(({ metadata }) => metadata.uid === uid);
  const isOver = async () => (await podsIn(namespace)).every(({ metadata }) => !isOld(metadata.uid));
  await until(isOver, 30_000, "the end of the old pods");
  expect(await podsIn(namespace)).toHaveLength(2);
});

/** A Deployment of one's own that runs what the pool holds. */
const deployment = (namespace: string): string => `
const labels = { app: "web" };
const template = podTemplate(image, { pool, labels, user: 1000, command: ["sleep", "infinity"] });
new k8s.apps.v1.Deployment("web", { metadata: { namespace: "${namespace}" }, spec: { selector: { matchLabels: labels }, template } });`;

test("an image that a node cannot pull fails the update, names the node, and leaves the old image warm and run: also when the update is tried again, mended, or taken back", async () => {
  const namespace = await newNamespace();
  const old = program(namespace, "echo four > /four", deployment(namespace));
  const stack = await makeClusterStack(old);
  const first = await pulumi(stack, "up");
  expect(first.exitCode, first.text).toBe(0);
  const imageRun = () =>
    kubectl("get", "deployments", "-n", namespace, "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}");
  expect(await imageRun()).toBe(first.outputs["ref"]);
  const before = (await podsIn(namespace)).map(({ metadata }) => metadata.uid).sort();
  const stillThere = async () => {
    const uids = (await podsIn(namespace)).map(({ metadata }) => metadata.uid);
    return before.filter((uid) => uids.includes(uid));
  };

  const { mend } = await breakRegistry("node-cpu-1");
  const next = program(namespace, "echo five > /five", deployment(namespace)).replace(
    "timeoutSeconds: 120",
    "timeoutSeconds: 8",
  );
  writeFiles(stack.folder, { "index.ts": IMPORTS + next });
  const failed = await pulumi(stack, "up");
  expect(failed.exitCode).not.toBe(0);
  expect(failed.text).toContain("node-cpu-1, api: the node cannot reach the registry");
  expect(await stillThere()).toEqual(before);
  expect(await imageRun()).toBe(first.outputs["ref"]);

  const failedAgain = await pulumi(stack, "up");
  expect(failedAgain.exitCode).not.toBe(0);
  expect(await stillThere()).toEqual(before);

  writeFiles(stack.folder, { "index.ts": IMPORTS + old });
  const takenBack = await pulumi(stack, "up");
  expect(takenBack.exitCode, takenBack.text).toBe(0);
  expect(takenBack.outputs["ref"]).toBe(first.outputs["ref"]);
  const pods = await podsIn(namespace);
  expect(pods.filter(({ status }) => status.phase === "Running")).toHaveLength(3);

  mend();
  writeFiles(stack.folder, { "index.ts": IMPORTS + next.replace("timeoutSeconds: 8", "timeoutSeconds: 120") });
  const mended = await pulumi(stack, "up");
  expect(mended.exitCode, mended.text).toBe(0);
  expect(await imageRun()).toBe(mended.outputs["ref"]);
});

test("a namespace that is not there is a warning with a hint, before Kubernetes refuses what is made in it", async () => {
  const stack = await makeClusterStack(program("nowhere", "echo one > /one"));
  const up = await pulumi(stack, "up");
  expect(up.exitCode).not.toBe(0);
  expect(up.lines[""]?.join("\n")).toMatch(
    /warning: new WarmPool\("fleet", …\): the cluster at https:\S+ has no namespace nowhere yet\. .* give its name as an Output/,
  );
  expect(up.lines["fleet-cpu-api"]?.join("\n")).toContain('namespaces "nowhere" not found');
});

test("a user who may not see pods is told so, and which verb is missing", async () => {
  const namespace = await newNamespace();
  const user = await kubeconfigOf("nobody");
  const stack = await makeClusterStack(
    `const provider = new k8s.Provider("cluster", { kubeconfig: process.env["KUBECONFIG"]! });` +
      program(namespace, "echo one > /one")
        .replace("wait:", `kubeconfig: ${JSON.stringify(user)}, wait:`)
        .replace("timeoutSeconds: 120 } }", "timeoutSeconds: 120 } }, { provider }"),
  );
  const up = await pulumi(stack, "up");
  expect(up.exitCode).not.toBe(0);
  expect(up.text).toContain("does not let this kubeconfig's user list ");
});
