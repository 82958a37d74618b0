import { chmodSync, copyFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { BuilderChoice } from "../../provider/builder-choice";
import { BuildkitBuilder } from "../../provider/buildkit";
import { Leftovers } from "../../provider/leftovers";
import { Image } from "../../sdk/image";
import { buildGoTool } from "../../tools/local/go-tool.mjs";
import { expectCode } from "../fakes/registry-contract";
import {
  environmentBuilder,
  makeBuilder,
  newFolder,
  newName,
  publish,
  registry,
  requestFor,
} from "../integration/real-parts";
import { cluster, ctr, kubectl } from "./cluster-parts";

const python = Image.debianSlim("3.11");

let pushed: Promise<string> | undefined;

/** An image of BuildKit as buildx's Kubernetes driver runs it. */
async function pushBuildkit(): Promise<string> {
  const before = process.cwd();
  onTestFinished(() => process.chdir(before));
  process.chdir(newFolder());
  for (const name of ["buildkitd", "buildctl"] as const) {
    const { path } = await buildGoTool(name, console.error);
    copyFileSync(path, name);
    chmodSync(name, 0o755);
  }
  const copied = ["buildkitd", "buildctl"].reduce(
    (image, name) => image.addLocalFile(name, `/usr/local/bin/${name}`, { strategy: "copy" }),
    python.aptInstall(["runc"]),
  );
  return (await publish(copied.entrypoint(["buildkitd"]))).ref;
}

/** A Deployment of BuildKit, made by a BuiltImage's builder. Its pods use the node's network: the registry is on this machine. */
async function startFarm(): Promise<{ readonly builder: BuildkitBuilder; readonly namespace: string }> {
  const image = await (pushed ??= pushBuildkit());
  const namespace = `farm-${newName()}`;
  await kubectl("create", "namespace", namespace);
  onTestFinished(async () => {
    await kubectl("delete", "namespace", namespace, "--wait=false");
  });
  const { kubeconfig } = await cluster;
  const choice: BuilderChoice = {
    kind: "kubernetes",
    kubernetes: { name: "farm", namespace, image, kubeconfig: { kind: "file", path: kubeconfig } },
  };
  const places = { folder: newFolder(), env: process.env, readConfig: () => undefined, hintConfig: () => "" };
  const builder = new BuildkitBuilder(choice, new Leftovers(newFolder()), process.env, { places });
  expect(await builder.readPlatforms()).toContain("linux/amd64");
  const spec = { strategy: { type: "Recreate", rollingUpdate: null }, template: { spec: { hostNetwork: true } } };
  await kubectl("patch", "deployment", "farm", "-n", namespace, "-p", JSON.stringify({ spec }));
  await kubectl("rollout", "status", "deployment/farm", "-n", namespace, "--timeout=60s");
  return { builder, namespace };
}

test("pods of buildx's Kubernetes driver build what any builder builds, to the digest", async () => {
  const { builder } = await startFarm();
  const image = python.runCommands(`echo ${newName()} > /made`).env({ A: "1" });
  const request = await requestFor(image);
  const digest = await builder.build(request);
  expect(await registry.findDigest(request.repository, digest)).toBe(digest);
  expect(await makeBuilder({ builder: environmentBuilder }).builder.build(await requestFor(image))).toBe(digest);
});

test("a pod that is killed under a build ends it, and the error says so", async () => {
  const { builder, namespace } = await startFarm();
  let killed: Promise<void> | undefined;
  const request = {
    ...(await requestFor(python.runCommands("sleep 300"))),
    onProgress: ({ text }: { readonly text: string }) => {
      if (text.includes("sleep 300")) killed ??= killPod(namespace);
    },
  };
  const error = await expectCode(builder.build(request), "BUILDER_UNAVAILABLE");
  await killed;
  // containerd may end the connection before it tells the exit code.
  expect(error.text).toMatch(
    /^building step 1 of 1: runCommands sleep 300: the builder's pod ended( with exit code 137)?\.$/,
  );
});

/** As a kernel does that has no memory left. */
async function killPod(namespace: string): Promise<void> {
  const path = "jsonpath={.items[0].status.containerStatuses[0].containerID} {.items[0].spec.nodeName}";
  const [id = "", node = ""] = (await kubectl("get", "pods", "-n", namespace, "-o", path)).split(" ");
  await ctr(node, "tasks", "kill", "--signal", "SIGKILL", id.replace("containerd://", ""));
}
