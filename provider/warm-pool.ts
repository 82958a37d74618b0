import * as pulumi from "@pulumi/pulumi";
import { checkNames, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { describeError } from "../sdk/error";
import { openCluster } from "./cluster";
import { kubernetesClass, type KubernetesObject } from "./kubernetes-package";
import { detectMechanism } from "./mechanism";
import type { LocatedRepository } from "./located";
import { describeNodeGroup, planNodeGroup, type NodeGroup, type PlainNodeGroup } from "./node-groups";
import { PauseImageResource } from "./pause-resource";
import { programOf, type Program } from "./pulumi-program";
import { toOutput } from "./later";
import { planRepository } from "./planned-repository";
import { readRepository, type Repository } from "./repository";
import { WarmGate } from "./warm-gate";
import { keyOf, planImage, type ImagePlan, type WarmImage } from "./warm-image";
import { warmMetadata, warmResourceName, warmSpec, type Mechanism } from "./warm-manifest";
import type { GroupProgress } from "./warm-progress";
import type { WarmWait } from "./watch-warm";

export interface WarmPoolArgs {
  /** A record gives the images keys of its own; in a list they are a BuiltImage's name or `repository:tag`. */
  readonly images: readonly WarmImage[] | Readonly<Record<string, WarmImage>>;
  /** On which nodes. */
  readonly nodeGroups: Readonly<Record<string, NodeGroup>>;
  /** When the pool is done. Default "all": every node, within 15 minutes. */
  readonly wait?: "all" | "none" | { readonly minPercent?: number; readonly timeoutSeconds?: number };
  /** For waiting: the text or path of a kubeconfig. Default: the run's KUBECONFIG. Never stored. */
  readonly kubeconfig?: pulumi.Input<string>;
  /** Default: the provider's. */
  readonly namespace?: pulumi.Input<string>;
  /** Where the image that sleeps is pushed. Default: the first BuiltImage's repository. */
  readonly repository?: Repository | pulumi.Input<string>;
  /** Names of secrets in the namespace, for registries that ask for a login. */
  readonly imagePullSecrets?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Needed where the pods that will run the images have one with an image store of its own (gVisor, Kata). */
  readonly runtimeClassName?: pulumi.Input<string>;
  /** How images are held. Default "auto": image volumes where the cluster has them (1.35 and newer). */
  readonly mechanism?: "auto" | Mechanism;
}

const ARGUMENTS = [
  "images",
  "nodeGroups",
  "wait",
  "kubeconfig",
  "namespace",
  "repository",
  "imagePullSecrets",
  "runtimeClassName",
  "mechanism",
];

/**
 * Keeps images pulled, and safe from garbage collection, on groups of nodes: also on nodes that join later. A new
 * image is warm everywhere before the old one goes.
 *
 * @example
 * ```ts
 * const api = new BuiltImage("api", { image: Image.debianSlim("3.11").pipInstall(["requests"]) });
 * const pool = new WarmPool("fleet", {
 *   images: [api, "nvcr.io/nvidia/pytorch:24.01-py3"],
 *   nodeGroups: { cpu: { eks: "cpu-workers" }, gpu: { karpenter: ["gpu-a", "gpu-b"] } },
 * });
 * export const ref = pool.ref(api);
 * ```
 */
export class WarmPool extends pulumi.ComponentResource {
  /** By the names of the groups: how many nodes there are and how many are warm. Empty where nothing waits. */
  readonly groups: pulumi.Output<Readonly<Record<string, GroupProgress>>>;
  readonly #refs: ReadonlyMap<unknown, pulumi.Output<string>>;
  readonly #call: Call;

  /** @throws SlipwayError INVALID_ARGUMENT, INVALID_REFERENCE, CLUSTER_UNAVAILABLE, PACKAGE_MISSING */
  constructor(name: string, args: WarmPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const call: Call = { text: `new WarmPool(${JSON.stringify(name)}, …)`, callSite: readCallSite(WarmPool) };
    const program = programOf();
    const plan = planPool(call, args, program);
    super("slipway:index:WarmPool", name, {}, opts);
    this.#call = call;
    const pause = new PauseImageResource(`${name}-pause`, plan.repository, { parent: this });
    const members = plan.groups.flatMap(([group, nodes]) =>
      plan.images.map(([key, image]) => {
        const object = makeDaemonSet({ name, group, nodes, key, image, pause: pause.ref, plan }, this);
        return { group, key, object };
      }),
    );
    const gate = plan.wait === undefined ? undefined : makeGate(this, name, plan, plan.wait, members);
    const none: Readonly<Record<string, GroupProgress>> = {};
    this.groups = gate === undefined ? pulumi.output(none) : gate.groups;
    // A URN is known at preview, and an Output of it resolves when its resource is done.
    const done = gate === undefined ? pulumi.output("") : gate.urn;
    this.#refs = new Map(
      plan.images.map(([, image, given]) => [given, pulumi.all([image.ref, done]).apply(([ref]) => ref)]),
    );
    this.registerOutputs({ groups: this.groups });
  }

  /**
   * An image's reference by digest, once enough nodes hold it: what runs it never meets a cold node.
   *
   * @param image One of the pool's images, as it was given to it.
   * @throws SlipwayError INVALID_ARGUMENT
   */
  ref(image: WarmImage): pulumi.Output<string> {
    return this.refOf({ text: "ref(…)", callSite: readCallSite(WarmPool.prototype.ref) }, image);
  }

  /** @internal */
  refOf(call: Call, image: unknown): pulumi.Output<string> {
    const ref = this.#refs.get(image);
    if (ref !== undefined) return ref;
    const hint = "Give the very value that stands in the pool's images.";
    throw fail(call, `the image is not one of those of ${this.#call.text}.`, hint);
  }
}

interface PoolPlan {
  readonly images: readonly (readonly [key: string, image: ImagePlan, given: unknown])[];
  readonly groups: readonly (readonly [name: string, nodes: pulumi.Output<PlainNodeGroup>])[];
  readonly wait: WarmWait | undefined;
  readonly kubeconfig: pulumi.Input<string> | undefined;
  readonly repository: pulumi.Output<LocatedRepository>;
  readonly mechanism: pulumi.Output<Mechanism>;
  readonly namespace: pulumi.Output<string | undefined>;
  readonly imagePullSecrets: pulumi.Output<readonly string[]>;
  readonly runtimeClassName: pulumi.Output<string | undefined>;
}

function planPool(call: Call, args: WarmPoolArgs, program: Program): PoolPlan {
  checkNames(call, "argument", args, ARGUMENTS);
  const images = planImages(call, args.images, program);
  const wait = planWait(call, args.wait);
  const kubeconfig = args.kubeconfig ?? process.env["KUBECONFIG"];
  if (wait !== undefined && (kubeconfig === undefined || kubeconfig === "") && !program.isMocked) {
    throw fail(
      call,
      "there is no kubeconfig to wait with, and KUBECONFIG is not set.",
      'Give { kubeconfig }, or { wait: "none" }.',
      "CLUSTER_UNAVAILABLE",
    );
  }
  return {
    images,
    groups: planGroups(call, args.nodeGroups),
    wait,
    kubeconfig: args.kubeconfig,
    repository: planPausePlace(call, args.repository, images, program),
    mechanism: planMechanism(call, args.mechanism ?? "auto", program.isMocked ? undefined : kubeconfig),
    namespace: planNamespace(call, args.namespace, wait === undefined || program.isMocked ? undefined : kubeconfig),
    imagePullSecrets: pulumi.output(args.imagePullSecrets ?? []),
    runtimeClassName: pulumi.output(args.runtimeClassName),
  };
}

/** Kubernetes refuses what is made in a namespace that is not there, in the update only; a preview is to tell, too. */
function planNamespace(
  call: Call,
  namespace: WarmPoolArgs["namespace"],
  kubeconfig: pulumi.Input<string> | undefined,
): PoolPlan["namespace"] {
  if (typeof namespace !== "string" || typeof kubeconfig !== "string" || kubeconfig === "") {
    return pulumi.output(namespace);
  }
  return pulumi.output(
    openCluster(kubeconfig)
      .then(async (cluster) => {
        if ((await cluster.hasNamespace(namespace)) !== false) return;
        const text = `${call.text}: the cluster at ${cluster.server} has no namespace ${namespace} yet. Where this program makes it, give its name as an Output ({ namespace: made.metadata.name }), so that it comes first; else make it.`;
        await pulumi.log.warn(call.callSite === undefined ? text : `${text}\n    at ${call.callSite}`);
      })
      .catch(() => undefined) // Whoever waits for the cluster tells what is wrong with it.
      .then(() => namespace),
  );
}

function planImages(call: Call, given: unknown, program: Program): PoolPlan["images"] {
  if (typeof given !== "object" || given === null) throw fail(call, "the images are missing.", "Give { images: […] }.");
  const entries: readonly (readonly [string | undefined, unknown])[] = Array.isArray(given)
    ? given.map((image: unknown) => [keyOf(image), image] as const)
    : Object.entries(given);
  const keyed = entries.map(([key, image]) => {
    if (key === undefined) {
      throw fail(call, "an image in the list has no name of its own.", "Give a record: { images: { name: image } }.");
    }
    return [key, planImage(call, image, program), image] as const;
  });
  const twice = keyed.find(([key], index) => keyed.findIndex(([other]) => other === key) !== index)?.[0];
  if (twice !== undefined) {
    throw fail(call, `two images are called ${twice}.`, "Give a record: { images: { one: …, two: … } }.");
  }
  return keyed;
}

function planGroups(call: Call, given: WarmPoolArgs["nodeGroups"]): PoolPlan["groups"] {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) {
    throw fail(call, "there are no node groups.", 'Give { nodeGroups: { cpu: { eks: "workers" } } }.');
  }
  return entries.map(([name, group]) => [name, planNodeGroup(call, `the node group ${name}`, group)] as const);
}

function planWait(call: Call, wait: WarmPoolArgs["wait"]): WarmWait | undefined {
  if (wait === "none") return undefined;
  if (wait === undefined || wait === "all") return { minPercent: 100, timeoutSeconds: 900 };
  const { minPercent = 100, timeoutSeconds = 900 } = wait;
  if (!(minPercent >= 0 && minPercent <= 100)) throw fail(call, "wait.minPercent is not from 0 to 100.", undefined);
  if (!(timeoutSeconds > 0)) throw fail(call, "wait.timeoutSeconds is not positive.", undefined);
  return { minPercent, timeoutSeconds };
}

function planPausePlace(
  call: Call,
  given: WarmPoolArgs["repository"],
  images: PoolPlan["images"],
  program: Program,
): PoolPlan["repository"] {
  if (given !== undefined) return locate(call, readRepository(call, given), program);
  const repository = images.map(([, image]) => image.repository).find((place) => place !== undefined);
  if (repository !== undefined) return repository;
  throw fail(
    call,
    "no image is a BuiltImage, so there is no repository for the image that sleeps on the nodes.",
    'Give { repository: "<host>/<path>" }.',
  );
}

/** A pool's own line is the program's: its resource is a component, which has none. */
function locate(call: Call, repository: Repository, program: Program): pulumi.Output<LocatedRepository> {
  const describe = (error: unknown): string => `${call.text}: ${describeError(error)}\n    at ${call.callSite ?? ""}`;
  return toOutput(planRepository(repository, program, Promise.resolve(""), describe));
}

function planMechanism(
  call: Call,
  mechanism: "auto" | Mechanism,
  kubeconfig: pulumi.Input<string> | undefined,
): pulumi.Output<Mechanism> {
  if (mechanism === "imageVolume" || mechanism === "exec") return pulumi.output(mechanism);
  if (mechanism !== "auto") throw fail(call, "mechanism is none of auto, imageVolume, exec.", undefined);
  if (kubeconfig === undefined) return pulumi.output("imageVolume" as const);
  return pulumi.output(kubeconfig).apply((text) => detectMechanism(text));
}

interface Member {
  readonly name: string;
  readonly group: string;
  readonly nodes: pulumi.Output<PlainNodeGroup>;
  readonly key: string;
  readonly image: ImagePlan;
  readonly pause: pulumi.Output<string>;
  readonly plan: PoolPlan;
}

function makeDaemonSet({ name, group, nodes, key, image, pause, plan }: Member, parent: WarmPool): KubernetesObject {
  const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
  const identity = image.hash.apply((hash) => ({ stack, pool: name, group, key, hash }));
  const { namespace, mechanism, imagePullSecrets, runtimeClassName } = plan;
  const metadata = pulumi.all([identity, namespace]).apply(([who, space]) => warmMetadata(who, space));
  const spec = pulumi
    .all([identity, image.ref, image.architectures, nodes, pause, mechanism, imagePullSecrets, runtimeClassName])
    .apply(([who, reference, architectures, where, sleeper, how, secrets, runtime]) =>
      warmSpec(who, {
        reference,
        architectures,
        nodes: where,
        pause: sleeper,
        mechanism: how,
        imagePullSecrets: secrets,
        runtimeClassName: runtime,
      }),
    );
  return kubernetesClass("DaemonSet")(warmResourceName(name, group, key), { metadata, spec }, { parent });
}

function makeGate(
  parent: WarmPool,
  name: string,
  plan: PoolPlan,
  wait: WarmWait,
  members: readonly { readonly group: string; readonly key: string; readonly object: KubernetesObject }[],
): WarmGate {
  const targets = members.map(({ group, key, object }) =>
    object.metadata.apply(({ namespace, name: called, uid }) => ({ namespace, name: called, uid, group, key })),
  );
  const selectors = Object.fromEntries(
    plan.groups.map(([group, nodes]) => [group, nodes.apply((plain) => describeNodeGroup(plain))]),
  );
  return new WarmGate(`${name}-warm`, { targets, wait, kubeconfig: plan.kubeconfig, selectors }, { parent });
}
