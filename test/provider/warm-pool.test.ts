import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { BuiltImage, commonBases, podTemplate, Sandbox, WarmPool } from "../../provider/index";
import { Image } from "../../sdk/image";

interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

const made: Made[] = [];
vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network in this test"));
beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        made.push({ type, name, inputs });
        const metadata = { namespace: "default", ...inputs.metadata, uid: `uid-${name}` };
        const own = type.startsWith("kubernetes:") ? { metadata } : { digest: "sha256:1", sizeBytes: 1, groups: {} };
        return { id: `${name}-id`, state: { ...inputs, ...own } };
      },
      call: ({ inputs }) => inputs,
    },
    "app",
    "dev",
  ),
);
beforeEach(() => made.splice(0));
afterAll(() => vi.restoreAllMocks());

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => void output.apply(resolve));
}

const nodeGroups = { cpu: { labels: { pool: "cpu" } }, gpu: { labels: { pool: "gpu" } } };
const repository = "ghcr.io/acme/images";
const build = (name: string) => new BuiltImage(name, { image: Image.debianSlim("3.11"), repository });

test("a pool has one DaemonSet for each image and group, named after both", async () => {
  const image = build("api");
  const pool = new WarmPool("fleet", { images: [image, "nvcr.io/nvidia/pytorch:24.01-py3"], nodeGroups });
  await valueOf(pool.groups);
  const names = made.filter(({ type }) => type.endsWith(":DaemonSet")).map(({ name }) => name);
  expect(names.sort()).toEqual([
    "fleet-cpu-api",
    "fleet-cpu-nvidia-pytorch-24-01-py3-9f6e67",
    "fleet-gpu-api",
    "fleet-gpu-nvidia-pytorch-24-01-py3-066ac1",
  ]);
});

test("the names of node groups may be Outputs, of lists too", async () => {
  const gpu = { karpenter: pulumi.output(["b", "a"]) };
  const edge = { labels: pulumi.output({ pool: pulumi.output("edge") }) };
  const pool = new WarmPool("outputs", { images: [build("zero")], nodeGroups: { gpu, edge } });
  await valueOf(pool.groups);
  expect(made.find(({ name }) => name === "outputs-warm")?.inputs["selectors"]).toEqual({
    edge: "pool=edge",
    gpu: "karpenter.sh/nodepool in (a, b)",
  });
});

test("the image that sleeps comes from the first BuiltImage's repository", async () => {
  const pool = new WarmPool("own", { images: [build("one")], nodeGroups });
  await valueOf(pool.groups);
  expect(made.find(({ name }) => name === "own-pause")?.inputs["repository"]).toBe(repository);
});

test("a pool's ref is the image's, and only of its own images", async () => {
  const image = build("two");
  const pool = new WarmPool("refs", { images: { mine: image }, nodeGroups });
  expect(await valueOf(pool.ref(image))).toBe(`${repository}@sha256:1`);
  expect(() => pool.ref("python:3.12")).toThrow('the image is not one of those of new WarmPool("refs", …).');
});

test("no kubeconfig is stored: it travels as a hidden input", async () => {
  const pool = new WarmPool("hidden", { images: [build("three")], nodeGroups, kubeconfig: "apiVersion: v1\n" });
  await valueOf(pool.groups);
  const gate = made.find(({ name }) => name === "hidden-warm");
  expect(
    Object.keys(gate?.inputs ?? {})
      .filter((name) => !name.startsWith("__"))
      .sort(),
  ).toEqual(["selectors", "targets", "wait"]);
});

test("what cannot be a pool is refused at the user's line", () => {
  const image = build("four");
  const wrong = (args: object) => () => Reflect.construct(WarmPool, ["wrong", args]);
  expect(wrong({ images: [image] })).toThrow("there are no node groups");
  expect(wrong({ images: [image], nodeGroups: { cpu: {} } })).toThrow("the node group cpu: it needs one of eks");
  expect(wrong({ images: ["python:3.12"], nodeGroups })).toThrow("there is no repository for the image that sleeps");
  expect(wrong({ images: [image, image], nodeGroups })).toThrow("two images are called four");
  expect(wrong({ images: [pulumi.output("python:3.12")], nodeGroups })).toThrow("has no name of its own");
  expect(wrong({ images: [Image.debianSlim().pipInstall(["rich"])], nodeGroups, repository })).toThrow("has steps");
  expect(wrong({ images: [image], nodeGroups, wiat: "none" })).toThrow("there is no argument wiat");
  expect(wrong({ images: [image], nodeGroups, wait: { minPercent: 120 } })).toThrow("not from 0 to 100");
});

test("a sandbox is a Deployment of one pod that runs the image by digest", async () => {
  const sandbox = new Sandbox("dev", {
    image: build("five"),
    command: ["sleep", "infinity"],
    env: { B: "2", A: pulumi.output("1") },
    gpus: 1,
    user: 1000,
    nodeGroup: { labels: { pool: "gpu" } },
  });
  await valueOf(sandbox.name);
  const deployment = made.find(({ type }) => type.endsWith(":Deployment"))?.inputs;
  expect(deployment).toMatchObject({
    metadata: { name: "dev-dev-f0da839b" },
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" },
      template: {
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
          tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
          containers: [
            {
              name: "sandbox",
              image: `${repository}@sha256:1`,
              command: ["sleep", "infinity"],
              env: [
                { name: "A", value: "1" },
                { name: "B", value: "2" },
              ],
              resources: { limits: { "nvidia.com/gpu": "1" } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            },
          ],
        },
      },
    },
  });
});

test("a pod template carries the labels that a Deployment selects by", async () => {
  const template = await valueOf(podTemplate(build("six"), { labels: { app: "api" } }));
  expect(template.metadata.labels).toEqual({ app: "api" });
  expect(template.spec.containers[0]?.image).toBe(`${repository}@sha256:1`);
});

test("common bases are the references that images start from", () => {
  expect(commonBases.python("3.11", "3.12")).toEqual([
    "docker.io/library/python:3.11-slim-bookworm",
    "docker.io/library/python:3.12-slim-bookworm",
  ]);
  expect(commonBases.nvidia("pytorch:24.01-py3")).toEqual(["nvcr.io/nvidia/pytorch:24.01-py3"]);
});
