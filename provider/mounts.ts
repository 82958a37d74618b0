import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { checkNames, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import type { MountPoint } from "../sdk/mount";
import { kubernetesClass } from "./kubernetes-package";
import { detectMountMechanism } from "./mechanism";
import { configMapParts, imageParts, mountData, type MountMechanism, type MountParts } from "./mount-delivery";
import { readMountSource, type PushedMounts } from "./mount-source";
import type { Container, Volume, VolumeMount } from "./pod-manifest";
import { programOf } from "./pulumi-program";
import { readSmallMounts, type SmallMounts } from "./small-mounts";
import type { WarmImage } from "./warm-image";

export interface MountsArgs {
  /** A BuiltImage, its handle, or an Image without steps: whatever has mounts. */
  readonly image: WarmImage;
  /** Of the workload. Default: the provider's. */
  readonly namespace?: pulumi.Input<string>;
  /**
   * How the files get there. Default "auto": a ConfigMap for plain files up to 1 MiB in all, else an image volume, else
   * (before Kubernetes 1.35, or with containerd before 2.2) an init container that copies them.
   */
  readonly mechanism?: "auto" | MountMechanism;
  /** For "auto": the text or path of a kubeconfig, to ask for the cluster's version. Default: the run's KUBECONFIG. Never stored. */
  readonly kubeconfig?: pulumi.Input<string>;
}

const ARGUMENTS = ["image", "namespace", "mechanism", "kubeconfig"];

/**
 * Brings an image's mounts into the pods of a workload of your own. Another content of a file changes the pod template,
 * so that the workload restarts; nothing is built.
 *
 * @example
 * ```ts
 * const image = new BuiltImage("api", { image: Image.debianSlim("3.11").addLocalFile("app.py", "/app/app.py") });
 * const mounts = new Mounts("api", { image });
 * const template = {
 *   metadata: { labels: { app: "api" }, annotations: mounts.annotations },
 *   spec: {
 *     initContainers: mounts.initContainers,
 *     containers: [{ name: "api", image: image.ref, volumeMounts: mounts.volumeMounts }],
 *     volumes: mounts.volumes,
 *   },
 * };
 * ```
 */
export class Mounts extends pulumi.ComponentResource {
  readonly volumes: pulumi.Output<readonly Volume[]>;
  readonly volumeMounts: pulumi.Output<readonly VolumeMount[]>;
  /** Empty unless files have to be copied: single ones of more than 1 MiB, and all of them on older clusters. */
  readonly initContainers: pulumi.Output<readonly Container[]>;
  /** A checksum of the files, for the pod template; known at preview. */
  readonly annotations: pulumi.Output<Readonly<Record<string, string>>>;

  /** @throws SlipwayError INVALID_ARGUMENT, PACKAGE_MISSING */
  constructor(name: string, args: MountsArgs, opts?: pulumi.ComponentResourceOptions) {
    const call: Call = { text: `new Mounts(${JSON.stringify(name)}, …)`, callSite: readCallSite(Mounts) };
    const plan = planMounts(call, args);
    super("slipway:index:Mounts", name, {}, opts);
    const id = createHash("sha256").update(name).digest("hex").slice(0, 8);
    const { parts, volumeMounts, checksum } =
      plan.kind === "configMap" ? ofConfigMap(this, { name, id, plan }) : ofImage(id, plan);
    this.volumes = parts.apply(({ volumes }) => volumes);
    this.initContainers = parts.apply(({ initContainers }) => initContainers);
    this.volumeMounts = volumeMounts;
    this.annotations = checksum.apply((text) => annotationsOf(id, text));
    const { volumes, initContainers, annotations } = this;
    this.registerOutputs({ volumes, volumeMounts, initContainers, annotations });
  }
}

interface Delivery {
  readonly parts: pulumi.Output<MountParts>;
  readonly volumeMounts: pulumi.Output<readonly VolumeMount[]>;
  /** Empty where nothing is mounted. */
  readonly checksum: pulumi.Output<string>;
}

const NOTHING: MountParts = { volumes: [], volumeMounts: [], initContainers: [] };
const LABELS = { "app.kubernetes.io/name": "mounts", "app.kubernetes.io/managed-by": "slipway" };

function annotationsOf(id: string, checksum: string): Readonly<Record<string, string>> {
  return checksum === "" ? {} : { [`slipway/mounts-${id}`]: checksum };
}

function ofConfigMap(
  parent: Mounts,
  { name, id, plan }: { name: string; id: string; plan: Extract<Plan, { kind: "configMap" }> },
): Delivery {
  const { namespace, files } = plan;
  const { points } = files;
  const { data, binaryData, items, checksum } = mountData(points, files.files);
  const partsOf = (configMap: string) => configMapParts(`slipway-${id}`, { configMap, points, items });
  const known = { volumeMounts: pulumi.output(partsOf("").volumeMounts), checksum: pulumi.output(checksum) };
  if (points.length === 0) return { ...known, parts: pulumi.output(NOTHING), checksum: pulumi.output("") };
  const metadata = { ...(namespace === undefined ? {} : { namespace }), labels: LABELS };
  const configMap = kubernetesClass("ConfigMap")(
    name,
    { metadata, data, binaryData, immutable: true },
    // Pods that still run with the old one keep it: the new one comes first, under another name.
    { parent, replaceOnChanges: ["data", "binaryData"] },
  );
  return { ...known, parts: configMap.metadata.apply((made) => partsOf(made.name)) };
}

function ofImage(id: string, { pushed, how }: Extract<Plan, { kind: "image" }>): Delivery {
  const { facts, ref } = pushed;
  const partsOf = (reference: string, points: readonly MountPoint[], mechanism: ImageMechanism): MountParts =>
    imageParts(`slipway-${id}`, { reference, points, mechanism });
  return {
    parts: pulumi
      .all([facts, ref, how])
      .apply(([mounts, reference, mechanism]) =>
        mounts === undefined ? NOTHING : partsOf(reference, mounts.points, mechanism),
      ),
    volumeMounts: pulumi
      .all([facts, how])
      .apply(([mounts, mechanism]) => partsOf("", mounts?.points ?? [], mechanism).volumeMounts),
    checksum: facts.apply((mounts) => (mounts === undefined || mounts.points.length === 0 ? "" : mounts.hash)),
  };
}

type ImageMechanism = Exclude<MountMechanism, "configMap">;
type Plan =
  | {
      readonly kind: "configMap";
      readonly files: Extract<SmallMounts, { kind: "small" }>;
      readonly namespace: pulumi.Input<string> | undefined;
    }
  | {
      readonly kind: "image";
      readonly pushed: PushedMounts;
      readonly how: pulumi.Output<ImageMechanism>;
    };

/**
 * Decides how an image's mounts get into containers.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function planMounts(call: Call, args: MountsArgs): Plan {
  checkNames(call, "argument", args, ARGUMENTS);
  const { image, namespace, mechanism = "auto" } = args;
  const { local, pushed } = readMountSource(call, image);
  const isImage = mechanism === "imageVolume" || mechanism === "initContainer";
  if (!isImage && mechanism !== "auto" && mechanism !== "configMap") {
    throw fail(call, "mechanism is none of auto, configMap, imageVolume, initContainer.", undefined);
  }
  const small: SmallMounts =
    local === undefined
      ? { kind: "other", reason: "only a registry has them" }
      : readSmallMounts(local, programOf().images.folder);
  if (small.kind === "small" && (!isImage || small.points.length === 0)) {
    return { kind: "configMap", files: small, namespace };
  }
  if (mechanism === "configMap") {
    const reason = small.kind === "other" ? small.reason : "";
    throw fail(call, `a ConfigMap cannot hold these mounts: ${reason}.`, 'Leave mechanism at "auto".');
  }
  if (pushed === undefined) {
    const reason = small.kind === "other" ? `a ConfigMap cannot hold these mounts (${small.reason})` : "there is none";
    throw fail(
      call,
      `${reason}, and an Image has no repository to push them to.`,
      'Give new BuiltImage("…", { image, repository }) instead.',
    );
  }
  return { kind: "image", pushed, how: planMechanism(args, mechanism) };
}

function planMechanism(
  { kubeconfig = process.env["KUBECONFIG"] }: MountsArgs,
  mechanism: "auto" | "imageVolume" | "initContainer",
): pulumi.Output<ImageMechanism> {
  if (mechanism !== "auto") return pulumi.output(mechanism);
  if (kubeconfig === undefined || kubeconfig === "" || programOf().isMocked)
    return pulumi.output("imageVolume" as const);
  return pulumi.output(kubeconfig).apply((text) => detectMountMechanism(text));
}
