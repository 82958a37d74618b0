import { openCluster, type Cluster } from "./cluster";
import type { MountMechanism } from "./mount-delivery";
import type { Mechanism } from "./warm-manifest";

/** From 1.35 on image volumes are there unless somebody switched them off (KEP-4639). */
const FIRST_MINOR = 35;

const known = new Map<string, Promise<Mechanism>>();

/** How a cluster can hold images; a cluster that does not answer is taken for a new one, and the update will tell. */
export function detectMechanism(kubeconfig: string): Promise<Mechanism> {
  const detected = known.get(kubeconfig) ?? detect(kubeconfig);
  known.set(kubeconfig, detected);
  return detected;
}

async function detect(kubeconfig: string): Promise<Mechanism> {
  try {
    return (await hasImageVolumes(await openCluster(kubeconfig))) ? "imageVolume" : "exec";
  } catch {
    return "imageVolume";
  }
}

async function hasImageVolumes(cluster: Pick<Cluster, "readVersion">): Promise<boolean> {
  const { major, minor } = await cluster.readVersion();
  return major !== 1 || minor >= FIRST_MINOR;
}

/** Since this one containerd mounts a folder of an image; an older one mounts all of it and says nothing (containerd#11580). */
const FIRST_CONTAINERD = [2, 2] as const;

/** How a cluster can mount what an image holds; what is not known is taken for new. */
export async function detectMountMechanism(
  kubeconfig: string,
  open: typeof openCluster = openCluster,
): Promise<Exclude<MountMechanism, "configMap">> {
  try {
    const cluster = await open(kubeconfig);
    if (!(await hasImageVolumes(cluster))) return "initContainer";
    return (await cluster.readRuntimes()).some(isTooOld) ? "initContainer" : "imageVolume";
  } catch {
    return "imageVolume";
  }
}

function isTooOld(runtime: string): boolean {
  const [, major, minor] = /^containerd:\/\/v?(\d+)\.(\d+)/.exec(runtime) ?? [];
  if (major === undefined || minor === undefined) return false;
  const [firstMajor, firstMinor] = FIRST_CONTAINERD;
  return Number(major) < firstMajor || (Number(major) === firstMajor && Number(minor) < firstMinor);
}
