import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { publish } from "../integration/real-parts";
import { breakRegistry, imagesOn, kubectl, newNamespace } from "./cluster-parts";
import { imageWarm } from "./slipway-command";

const built = publish(Image.debianSlim("3.11").runCommands("head -c 3000000 /dev/urandom > /by-command-line"));

test("slipway image warm brings an image to nodes, says how each got it, and lets go of it after its time", async () => {
  const namespace = await newNamespace();
  const { hash, ref, repository } = await built;
  const order = ["--image", hash, "--repository", repository, "--namespace", namespace];
  const warm = await imageWarm([...order, "--nodes", "pool=cpu", "--nodes", "pool=gpu", "--ttl", "1s"]);
  expect(warm.exitCode, warm.stderr).toBe(0);
  expect(warm.stderr).toMatch(/^node-cpu-1 {2}warm {2}(already present|[\d.]+ s, [\d.]+ MB, [\d.]+ MB\/s)$/m);
  expect(warm.stdout).toBe(
    `ref     ${ref}\nresult  warm\nnodes   pool=cpu: 1 of 1 warm\nnodes   pool=gpu: 1 of 1 warm\n`,
  );
  for (const node of ["node-cpu-1", "node-gpu-1"]) expect(await imagesOn(node)).toContain(ref);

  const listed = await imageWarm(["--list", "--namespace", namespace, "--json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ ref }, { ref }]);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const pruned = await imageWarm(["--prune", "--namespace", namespace]);
  expect(pruned.stdout.split("\n").filter((line) => line !== "")).toHaveLength(2);
  expect(await kubectl("get", "daemonsets", "-n", namespace, "-o", "name")).toBe("");
});

test("exit codes tell whether an image is on all nodes, on some, on none, or whether none matches", async () => {
  const namespace = await newNamespace();
  const { hash, repository } = await publish(Image.debianSlim("3.11").runCommands("echo partly > /partly"));
  const order = ["--image", hash, "--repository", repository, "--namespace", namespace, "--timeout", "6s"];
  await breakRegistry("node-gpu-1");
  const partly = await imageWarm([...order, "--nodes", "pool=cpu", "--nodes", "pool=gpu"]);
  expect(partly.exitCode, partly.stderr).toBe(3);
  expect(partly.stderr).toContain("node-gpu-1  failed  the node cannot reach the registry");
  expect((await imageWarm([...order, "--nodes", "pool=gpu"])).exitCode).toBe(4);
  expect((await imageWarm([...order, "--nodes", "pool=gpu", "--wait", "0%"])).exitCode).toBe(0);
  expect((await imageWarm([...order, "--nodes", "pool=edge"])).exitCode).toBe(5);
  expect((await imageWarm(["--image", "abc"])).exitCode).toBe(2);
});
