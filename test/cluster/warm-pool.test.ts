import { expect, test } from "vitest";
import { newRepository } from "../integration/real-parts";
import { pulumi, readState, writeFiles } from "../e2e/stack";
import { GROUPS, imagesOn, IMPORTS, kubectl, makeClusterStack, newNamespace, NODES, podsIn } from "./cluster-parts";

const repository = newRepository();

function program(namespace: string, command: string, rest = ""): string {
  return `
const image = new BuiltImage("api", { image: Image.debianSlim("3.11").runCommands(${JSON.stringify(command)}), repository: "${repository}" });
const pool = new WarmPool("fleet", { images: [image], nodeGroups: ${GROUPS}, namespace: "${namespace}", wait: { timeoutSeconds: 120 } });
export const ref = pool.ref(image);
export const groups = pool.groups;
${rest}`;
}

test("after pulumi up every node holds the image, in a namespace of the restricted level, and nothing is left to do", async () => {
  const namespace = await newNamespace();
  const stack = await makeClusterStack(program(namespace, "echo one > /one"));
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.outputs["groups"]).toEqual({
    cpu: { desired: 1, warm: 1, failed: [] },
    gpu: { desired: 1, warm: 1, failed: [] },
  });
  for (const node of NODES) expect(await imagesOn(node)).toContain(up.outputs["ref"]);

  const again = await pulumi(stack, "up", { args: ["--expect-no-changes"] });
  expect(again.exitCode, again.text).toBe(0);
  expect(JSON.stringify(readState(stack))).not.toContain("client-key-data");

  const destroy = await pulumi(stack, "destroy");
  expect(destroy.exitCode, destroy.text).toBe(0);
  expect(await kubectl("get", "daemonsets", "-n", namespace, "-o", "name")).toBe("");
});

test("a new image is warm everywhere before the old one goes; one that cannot be pulled leaves the old one there", async () => {
  const namespace = await newNamespace();
  const stack = await makeClusterStack(program(namespace, "echo two > /two"));
  const first = await pulumi(stack, "up");
  expect(first.exitCode, first.text).toBe(0);
  const before = await podsIn(namespace);

  writeFiles(stack.folder, { "index.ts": IMPORTS + program(namespace, "echo three > /three") });
  const second = await pulumi(stack, "up");
  expect(second.exitCode, second.text).toBe(0);
  const steps = Object.entries(second.steps);
  expect(steps.find(([name]) => name === "fleet-cpu-api")?.[1]).toEqual([
    "create-replacement",
    "replace",
    "delete-replaced",
  ]);
  expect(second.outputs["ref"]).not.toBe(first.outputs["ref"]);
  const pods = await podsIn(namespace);
  expect(pods.filter(({ metadata }) => before.some((old) => old.metadata.uid === metadata.uid))).toEqual([]);

  const broken = program(namespace, "echo three > /three").replace(
    "images: [image]",
    `images: { api: "${repository}@sha256:${"0".repeat(64)}" }`,
  );
  writeFiles(stack.folder, { "index.ts": IMPORTS + broken.replace("pool.ref(image)", "image.ref") });
  const third = await pulumi(stack, "preview");
  expect(third.exitCode).not.toBe(0);
  expect(await podsIn(namespace)).toHaveLength(2);
});

test("no node that matches is a warning that names what was looked for", async () => {
  const namespace = await newNamespace();
  const stack = await makeClusterStack(
    program(namespace, "echo one > /one").replace(GROUPS, `{ edge: { labels: { pool: "edge" } } }`),
  );
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.lines["fleet-warm"]).toContain("warning: no node matches the group edge: pool=edge");
  expect(up.outputs["groups"]).toEqual({ edge: { desired: 0, warm: 0, failed: [] } });
});
