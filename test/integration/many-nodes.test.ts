import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../provider/manifest";
import { parseRepository } from "../../sdk/reference";
import { SimulatedCluster } from "../fakes/simulated-cluster";
import { newName, newRepository, registry } from "./real-parts";

const NODES = Array.from({ length: 1_000 }, (_, index) => `node-${String(index).padStart(4, "0")}`);
const [LAST = ""] = NODES.slice(-1);
const MISSING = { reason: "ErrImagePull", message: "code = NotFound desc = x: not found" };
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** An image without layers, under a tag that looks like a hash: no node of this test pulls it. */
async function pushImage(): Promise<{ readonly hash: string; readonly repository: string }> {
  const repository = newRepository();
  const hash = createHash("sha256").update(newName()).digest("hex");
  const address = parseRepository(repository);
  const config = Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers" } }));
  await registry.putBlob(address, digestOf(config), config);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const descriptor = { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config) };
  const content = { schemaVersion: 2, mediaType, config: { ...descriptor, size: config.length }, layers: [] };
  const bytes = Buffer.from(JSON.stringify(content));
  await registry.putManifest(address, hash, { digest: digestOf(bytes), mediaType, bytes });
  return { hash, repository };
}

/** `slipway image warm`, with what it has said so far. */
async function startCommand(cluster: SimulatedCluster) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-nodes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, cluster.kubeconfig);
  const { hash, repository } = await pushImage();
  const where = ["--repository", repository, "--nodes", "pool=cpu", "--kubeconfig", kubeconfig];
  const main = join(__dirname, "../../dist/cli/main.js");
  const child = spawn(process.execPath, [main, "image", "warm", "--image", hash, ...where, "--json"]);
  onTestFinished(() => void child.kill());
  let lines = "";
  child.stderr.on("data", (chunk) => (lines += String(chunk)));
  const stdout = text(child.stdout);
  const exited = once(child, "exit");
  return {
    lines: () => lines,
    /** The most memory that it has had so far. */
    peakBytes: () => {
      const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
      return Number(kilobytes) * 1024;
    },
    /** How long it takes until it says something. */
    until: async (said: string): Promise<number> => {
      const start = performance.now();
      while (!lines.includes(said)) {
        if (performance.now() - start > 15_000)
          throw new Error(`it does not say ${said}, but:\n${lines.slice(-2_000)}`);
        await soon(20);
      }
      return performance.now() - start;
    },
    ended: async () => {
      const [exitCode]: readonly unknown[] = await exited;
      return { exitCode, result: JSON.parse(await stdout) };
    },
  };
}

test("where image volumes are switched off, and nobody may see it before, nodes hold the image by a container of its own", async () => {
  const cluster = new SimulatedCluster(["node-1"]);
  cluster.leavesOutImageVolumes = true;
  await cluster.start();
  const command = await startCommand(cluster);
  await command.until("node-1  queued");
  cluster.setPod("node-1", "ready");
  const { exitCode, result } = await command.ended();
  expect(exitCode, command.lines()).toBe(0);
  expect(cluster.daemonSets()).toMatchObject([
    { spec: { template: { spec: { containers: [{ image: result.ref }] } } } },
  ]);
});

test("of 1,000 nodes each is shown within 2 seconds, in less than 300 MB, also when the server ends its watches", async () => {
  const cluster = new SimulatedCluster(NODES);
  await cluster.start();
  const command = await startCommand(cluster);
  await command.until(`${LAST}  queued`);
  for (const node of NODES.slice(0, -1)) cluster.setPod(node, "pulling");
  await command.until(`${NODES[0]}  pulling`);
  for (const [index, node] of NODES.slice(0, -1).entries()) {
    cluster.setPod(node, "ready");
    if (index % 100 === 0) await soon(50);
    if (index === 500) cluster.endWatches();
  }
  for (const node of NODES.slice(0, -1)) await command.until(`${node}  warm  2.0 s, 500.0 MB, 250.0 MB/s`);

  cluster.setPod(LAST, MISSING);
  expect(await command.until(`${LAST}  failed  the registry does not have it`)).toBeLessThan(2_000);
  cluster.endWatches();
  cluster.setPod(LAST, "pulling");
  expect(await command.until(`${LAST}  pulling`)).toBeLessThan(2_000);
  const peakBytes = command.peakBytes();
  cluster.setPod(LAST, "ready");

  const { exitCode, result } = await command.ended();
  expect(exitCode, command.lines().slice(-500)).toBe(0);
  const states = NODES.map((node) => ({ node, state: "warm", seconds: 2, sizeBytes: 500_000_000 }));
  expect(result.groups).toEqual([{ nodes: "pool=cpu", result: "warm", desired: 1_000, states }]);
  expect(peakBytes).toBeLessThan(300e6);
  expect(peakBytes).toBeGreaterThan(30e6);
  // Ten pages at the start, and after each end of a watch.
  expect(cluster.lists.pods).toBeLessThanOrEqual(30);
});
