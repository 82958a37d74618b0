import { createRequire } from "node:module";
import { join } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { SlipwayError } from "../sdk/error";

/** An object in a cluster, as `@pulumi/kubernetes` gives it. */
export interface KubernetesObject extends pulumi.CustomResource {
  readonly metadata: pulumi.Output<{ readonly name: string; readonly namespace: string; readonly uid: string }>;
}

type Make = (
  name: string,
  args: { readonly metadata: pulumi.Input<object>; readonly [field: string]: unknown },
  opts: pulumi.CustomResourceOptions,
) => KubernetesObject;

const PLACES = {
  DaemonSet: "@pulumi/kubernetes/apps/v1/daemonSet",
  Deployment: "@pulumi/kubernetes/apps/v1/deployment",
  ConfigMap: "@pulumi/kubernetes/core/v1/configMap",
} as const;

/**
 * Makes an object of the program's own `@pulumi/kubernetes`. One file of it is loaded, and only when it is needed: the
 * package is optional, and slow as a whole.
 *
 * @throws SlipwayError PACKAGE_MISSING
 */
export function kubernetesClass(kind: keyof typeof PLACES): Make {
  const place = PLACES[kind];
  // The program's own version decides which plugin runs; in a workspace only Slipway may see the package.
  for (const from of [join(process.cwd(), "package.json"), __filename]) {
    const loaded = load(from, place);
    if (loaded !== undefined) return makeWith(loaded, kind);
  }
  throw new SlipwayError({
    code: "PACKAGE_MISSING",
    text: "warm pools and sandboxes need @pulumi/kubernetes, which is not installed.",
    hint: "npm install @pulumi/kubernetes",
  });
}

function load(from: string, place: string): unknown {
  try {
    return createRequire(from)(place);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

function makeWith(loaded: unknown, kind: string): Make {
  const found: unknown = typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, kind) : undefined;
  if (typeof found !== "function") throw new Error(`@pulumi/kubernetes has no ${kind}`);
  return (name, args, opts) => {
    const object: unknown = Reflect.construct(found, [name, args, opts]);
    if (!isKubernetesObject(object)) throw new Error(`@pulumi/kubernetes made no ${kind}`);
    return object;
  };
}

function isKubernetesObject(value: unknown): value is KubernetesObject {
  return typeof value === "object" && value !== null && "metadata" in value && "urn" in value;
}
