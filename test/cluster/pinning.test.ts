import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { imageArchive } from "../../tools/cluster/image-archive.mjs";
import { addClusterNode } from "../../tools/environment.mjs";
import { pulumi, until } from "../e2e/stack";
import { newFolder, newRepository } from "../integration/real-parts";
import { ctr, imagesOn, kubectl, makeClusterStack, newNamespace, podsIn } from "./cluster-parts";

const NODE = "node-small-disk";
const UNUSED = "localhost/unused:1";
const MB = 1024 * 1024;
const UNUSED_BYTES = 200 * MB;
const EVICT_BELOW_MB = 200;
const FREE_WHEN_FULL = (EVICT_BELOW_MB - 50) * MB;

// It fills a disk by kubelet's own figure, which may be older than an image that is just being unpacked: once in four runs
// the disk was full before kubelet collected. Until that is mended it is asked for by
// `PINNING=1 npm run test:cluster -- test/cluster/pinning.test.ts`, and counted as skipped elsewhere.
test.skipIf(process.env["PINNING"] === undefined)(
  "when a node's image disk is full, kubelet removes an image that nothing uses, and spares what a warm pool holds",
  async () => {
    const unused = writeArchive(UNUSED, UNUSED_BYTES);
    const node = await addClusterNode({
      name: NODE,
      labels: { pool: "small-disk" },
      taints: [],
      imageDisk: { sizeMb: 1000, evictBelowMb: EVICT_BELOW_MB, images: [unused] },
    });
    onTestFinished(node.stop);
    const namespace = await newNamespace();
    const stack = await makeClusterStack(program(namespace));
    const up = await pulumi(stack, "up");
    expect(up.exitCode, up.text).toBe(0);
    const refs = [up.outputs["mountedRef"], up.outputs["executedRef"]];
    const before = await imagesOn(NODE);
    expect(before).toEqual(expect.arrayContaining([UNUSED, ...refs]));
    const pods = await podsIn(namespace);

    // kubelet spares what it has not met before: the first time, all but what was there when it started.
    const firstFill = (await freeBytes()) - FREE_WHEN_FULL;
    await fill("localhost/first:1", firstFill);
    await until(async () => !(await imagesOn(NODE)).includes(UNUSED), 60_000, "kubelet's first garbage collection");
    await fill("localhost/second:1", UNUSED_BYTES);
    const isCollected = async () => !(await imagesOn(NODE)).includes("localhost/first:1");
    await until(isCollected, 60_000, "kubelet's second garbage collection");

    expect(await imagesOn(NODE)).toEqual(expect.arrayContaining(refs));
    expect((await podsIn(namespace)).map(standing)).toEqual(pods.map(standing));
  },
);

/** One image held by a mount, the other by a process in it. */
function program(namespace: string): string {
  const pool = (name: string, mechanism: string): string => `
const ${name} = new BuiltImage("${name}", { image: Image.debianSlim("3.11").runCommands("echo ${name} > /${name}"), repository: "${newRepository()}" });
const ${name}Pool = new WarmPool("${name}", { images: [${name}], nodeGroups: { small: { labels: { pool: "small-disk" } } }, mechanism: "${mechanism}", namespace: "${namespace}" });`;
  return `${pool("mounted", "imageVolume")}${pool("executed", "exec")}
export const mountedRef = mountedPool.ref(mounted);
export const executedRef = executedPool.ref(executed);
`;
}

async function fill(name: string, sizeBytes: number): Promise<void> {
  await ctr(NODE, "images", "import", "--local", writeArchive(name, sizeBytes));
}

/** An image that takes so much of a node's disk: half of it as it comes, half unpacked. */
function writeArchive(name: string, sizeBytes: number): string {
  const path = join(newFolder(), "image.tar");
  const file = { name: "content", mode: 0o644, bytes: Buffer.alloc(sizeBytes / 2, name) };
  writeFileSync(path, imageArchive({ name, files: [file], entrypoint: ["/content"] }));
  return path;
}

/** On the disk of the node's images, as kubelet sees it from now on: it looks every few seconds. */
async function freeBytes(): Promise<number> {
  const startedAt = Date.now();
  let freeBytes = 0;
  const isFresh = async (): Promise<boolean> => {
    const text = await kubectl("get", "--raw", `/api/v1/nodes/${NODE}/proxy/stats/summary`);
    const summary: { node: { runtime: { imageFs: { time: string; availableBytes: number } } } } = JSON.parse(text);
    const { time, availableBytes } = summary.node.runtime.imageFs;
    freeBytes = availableBytes;
    return Date.parse(time) > startedAt;
  };
  await until(isFresh, 60_000, "kubelet's look at its disk");
  return freeBytes;
}

function standing({ metadata, status }: Awaited<ReturnType<typeof podsIn>>[number]) {
  return { uid: metadata.uid, phase: status.phase };
}
