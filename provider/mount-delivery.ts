import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import type { MountPoint } from "../sdk/mount";
import { COPIER } from "./mount-image";
import { restrictedContainer, type ConfigMapItem, type Container, type Volume, type VolumeMount } from "./pod-manifest";
import type { SmallFile } from "./small-mounts";

/** How files get into a container. */
export type MountMechanism = "configMap" | "imageVolume" | "initContainer";

/** The parts of a pod that bring files into a container. */
export interface MountParts {
  readonly volumes: readonly Volume[];
  readonly volumeMounts: readonly VolumeMount[];
  readonly initContainers: readonly Container[];
}

/** What a ConfigMap holds, and where each of it belongs. */
export interface MountData {
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData: Readonly<Record<string, string>>;
  readonly items: readonly ConfigMapItem[];
  /** Another one for other files. */
  readonly checksum: string;
}

const KEY_LENGTH = 60;

/** Puts files into the form of a ConfigMap: keys are few letters, so they name the path and tell two apart. */
export function mountData(points: readonly MountPoint[], files: readonly SmallFile[]): MountData {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  const items: ConfigMapItem[] = [];
  const digest = createHash("sha256").update(JSON.stringify(points));
  for (const { path, bytes, executable } of files) {
    const id = sha256(path).slice(0, 8);
    const key = `${path.replace(/[^-._a-zA-Z0-9]+/g, "-").slice(-KEY_LENGTH)}-${id}`;
    if (isPlainText(bytes)) data[key] = bytes.toString("utf8");
    else binaryData[key] = bytes.toString("base64");
    items.push({ key, path, mode: executable ? 0o755 : 0o644 });
    digest.update(JSON.stringify([path, executable, sha256(bytes)]));
  }
  return { data, binaryData, items, checksum: digest.digest("hex") };
}

/** Files of a ConfigMap: one volume, of which each point is a part. */
export function configMapParts(
  name: string,
  { configMap, points, items }: { configMap: string; points: readonly MountPoint[]; items: readonly ConfigMapItem[] },
): MountParts {
  const volumeMounts = points.map((point, index) => mountOf(name, point, index));
  return { volumes: [{ name, configMap: { name: configMap, items } }], volumeMounts, initContainers: [] };
}

/**
 * Files of an image. A folder is mounted from it where the cluster can; a single file cannot (KEP-4639, non-goals), so it
 * is copied by an init container, and so is everything on an older cluster.
 */
export function imageParts(
  name: string,
  image: {
    readonly reference: string;
    readonly points: readonly MountPoint[];
    readonly mechanism: Exclude<MountMechanism, "configMap">;
  },
): MountParts {
  const { reference, points, mechanism } = image;
  const isCopied = ({ kind }: MountPoint): boolean => mechanism === "initContainer" || kind === "file";
  const copied = points.flatMap((point, index) => (isCopied(point) ? [`/.slipway/${index}`] : []));
  const copies = `${name}-copies`;
  const volume: Volume = { name, image: { reference, pullPolicy: "IfNotPresent" } };
  return {
    volumes: [
      ...(copied.length < points.length ? [volume] : []),
      ...(copied.length > 0 ? [{ name: copies, emptyDir: {} }] : []),
    ],
    volumeMounts: points.map((point, index) => mountOf(isCopied(point) ? copies : name, point, index)),
    initContainers: copied.length === 0 ? [] : [copyContainer(copies, reference, copied)],
  };
}

function mountOf(name: string, { path, kind }: MountPoint, index: number): VolumeMount {
  const subPath = kind === "dir" ? String(index) : `${index}/${path.split("/").at(-1)}`;
  return { name, mountPath: path, subPath, readOnly: true };
}

function copyContainer(volume: string, reference: string, lists: readonly string[]): Container {
  const { securityContext } = restrictedContainer;
  return {
    ...restrictedContainer,
    name: volume,
    image: reference,
    command: [COPIER, "/mounts", ...lists],
    // What it writes counts as its memory until it is on the disk.
    resources: { requests: { cpu: "1m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    securityContext: {
      ...securityContext,
      runAsNonRoot: true,
      runAsUser: 65534,
      runAsGroup: 65534,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [{ name: volume, mountPath: "/mounts" }],
  };
}

/** Whether people can read it in a diff: Pulumi shows a ConfigMap's texts. */
function isPlainText(bytes: Buffer): boolean {
  // eslint-disable-next-line no-control-regex
  return isUtf8(bytes) && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(bytes.toString("utf8"));
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
