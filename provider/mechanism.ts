import { openCluster } from "./cluster";
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
    const { major, minor } = await (await openCluster(kubeconfig)).readVersion();
    return major === 1 && minor < FIRST_MINOR ? "exec" : "imageVolume";
  } catch {
    return "imageVolume";
  }
}
