import { readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { imageArchive } from "../../tools/cluster/image-archive.mjs";
import { addClusterNode } from "../../tools/environment.mjs";
import { pulumi, until } from "../e2e/stack";
import { newFolder, newRepository } from "../integration/real-parts";
import { cluster, ctr, imagesOn, makeClusterStack, newNamespace, podsIn } from "./cluster-parts";

const NODE = "node-small-disk";
/** Images that nothing uses: one that is there before kubelet starts, one that comes after those of the pool. */
const [UNUSED, LATE] = ["localhost/unused:1", "localhost/late:1"];
const MB = 1024 * 1024;
const EVICT_BELOW_MB = 150;

test("when a node's image disk is full, kubelet removes images that nothing uses, and spares what a warm pool holds", async () => {
  const { imageDisk, stop } = await addClusterNode({
    name: NODE,
    labels: { pool: "small-disk" },
    taints: [],
    imageDisk: { sizeMb: 1000, evictBelowMb: EVICT_BELOW_MB, images: [writeArchive(UNUSED)] },
  });
  onTestFinished(stop);
  const namespace = await newNamespace();
  const stack = await makeClusterStack(program(namespace));
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const refs = [up.outputs["mountedRef"], up.outputs["executedRef"]];
  await ctr(NODE, "images", "import", "--local", writeArchive(LATE));
  expect(await imagesOn(NODE)).toEqual(expect.arrayContaining([UNUSED, LATE, ...refs]));
  const pods = await podsIn(namespace);

  // kubelet spares what it has not met before: the first time all but what was there when it started, so it takes two.
  for (let times = 1; (await imagesOn(NODE)).includes(LATE); times += 1) {
    fill(imageDisk);
    await until(async () => (await timesCleared()) === times, 120_000, `kubelet's garbage collection ${times}`);
  }

  const after = await imagesOn(NODE);
  expect(after).toEqual(expect.arrayContaining(refs));
  expect(after).not.toContain(UNUSED);
  expect((await podsIn(namespace)).map(standing)).toEqual(pods.map(standing));
});

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

/** An image that takes so much of a node's disk that the disk is not full without it: half as it comes, half unpacked. */
function writeArchive(name: string): string {
  const path = join(newFolder(), "image.tar");
  const file = { name: "content", mode: 0o644, bytes: Buffer.alloc((EVICT_BELOW_MB / 2) * MB, name) };
  writeFileSync(path, imageArchive({ name, files: [file], entrypoint: ["/content"] }));
  return path;
}

/** Leaves half of what kubelet wants to be free. */
function fill(disk: string): void {
  const { bavail, bsize } = statfsSync(disk);
  const sizeBytes = bavail * bsize - (EVICT_BELOW_MB / 2) * MB;
  writeFileSync(join(disk, `filler-${sizeBytes}`), Buffer.alloc(sizeBytes));
}

/** How often kubelet has made room. It looks every ten seconds, and only its log tells when it is done with the images. */
async function timesCleared(): Promise<number> {
  const log = readFileSync(join((await cluster).folder, "nodes", NODE, "kubelet.log"), "utf8");
  return log.split("able to reduce resource pressure without evicting pods").length - 1;
}

function standing({ metadata, status }: Awaited<ReturnType<typeof podsIn>>[number]) {
  return { uid: metadata.uid, phase: status.phase };
}
