import { openCluster, type Cluster } from "./cluster";
import type { MountMechanism } from "./mount-delivery";
import type { Mechanism } from "./warm-manifest";

/** From 1.35 on image volumes are there unless somebody switched them off (KEP-4639). */
const FIRST_MINOR = 35;

const known = new Map<string, Promise<Mechanism>>();

/** Since this one containerd has image volumes (containerd#10579); an older one pulls the image, and starts nothing. */
const FIRST_TO_HOLD = [2, 1] as const;
/** Since this one it mounts a folder of an image; an older one mounts all of it and says nothing (containerd#11580). */
const FIRST_TO_MOUNT_FOLDERS = [2, 2] as const;

/** How a cluster can hold images; a cluster that does not answer is taken for a new one, and the update will tell. */
export function detectMechanism(kubeconfig: string): Promise<Mechanism> {
  const detected =
    known.get(kubeconfig) ??
    hasImageVolumes(openCluster(kubeconfig), FIRST_TO_HOLD).then((has) => (has ? "imageVolume" : "exec"));
  known.set(kubeconfig, detected);
  return detected;
}

/** How a cluster can mount what an image holds; what is not known is taken for new. */
export async function detectMountMechanism(
  kubeconfig: string,
  open: typeof openCluster = openCluster,
): Promise<Exclude<MountMechanism, "configMap">> {
  return (await hasImageVolumes(open(kubeconfig), FIRST_TO_MOUNT_FOLDERS)) ? "imageVolume" : "initContainer";
}

async function hasImageVolumes(opened: Promise<Cluster>, firstContainerd: Version): Promise<boolean> {
  try {
    const cluster = await opened;
    const { major, minor } = await cluster.readVersion();
    if (major === 1 && minor < FIRST_MINOR) return false;
    if ((await cluster.keepsImageVolumes()) === false) return false;
    return !(await cluster.readRuntimes()).some((runtime) => isOlder(runtime, firstContainerd));
  } catch {
    return true;
  }
}

type Version = readonly [major: number, minor: number];

function isOlder(runtime: string, [firstMajor, firstMinor]: Version): boolean {
  if (runtime.startsWith("docker://")) return true; // cri-dockerd has none (cri-dockerd#526)
  const [, major, minor] = /^containerd:\/\/v?(\d+)\.(\d+)/.exec(runtime) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) < firstMajor || (Number(major) === firstMajor && Number(minor) < firstMinor);
}
