import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

/** @type {typeof import("@kubernetes/client-node")} */
const kube = createRequire(import.meta.url)("@kubernetes/client-node");

/**
 * @typedef {{ apiVersion: string, kind: string, metadata: Record<string, any>, spec?: any, status?: any }} KubeObject
 * @typedef {{ kubeconfig?: string, context?: string, namespace?: string }} StoreConfig `kubeconfig`: its text or its path
 */

const FIELD_MANAGER = "pulumi-kubernetes-stand-in";

/** The objects of one cluster. */
export class ObjectStore {
  #config;
  #namespace;

  /** @param {StoreConfig} config */
  constructor({ kubeconfig, context, namespace }) {
    this.#config = new kube.KubeConfig();
    if (!kubeconfig) this.#config.loadFromDefault();
    else if (existsSync(kubeconfig)) this.#config.loadFromFile(kubeconfig);
    else this.#config.loadFromString(kubeconfig);
    if (context) this.#config.setCurrentContext(context);
    const current = this.#config.getContextObject(this.#config.getCurrentContext());
    this.#namespace = namespace || current?.namespace || "default";
  }

  get #api() {
    return kube.KubernetesObjectApi.makeApiClient(this.#config);
  }

  /**
   * Inputs with the name and namespace that the object will have.
   * @param {string} logicalName
   * @param {any} inputs
   * @param {any} olds
   * @returns {any}
   */
  complete(logicalName, inputs, olds) {
    const { metadata = {}, ...rest } = inputs;
    const isClusterWide = [
      "Namespace",
      "Node",
      "ClusterRole",
      "ClusterRoleBinding",
      "RuntimeClass",
      "StorageClass",
    ].includes(inputs.kind);
    const named = olds.metadata?.annotations?.["pulumi.com/autonamed"] === "true" ? olds.metadata.name : undefined;
    const made =
      metadata.name === undefined ? { annotations: { ...metadata.annotations, "pulumi.com/autonamed": "true" } } : {};
    return {
      ...rest,
      metadata: {
        ...metadata,
        ...made,
        name: metadata.name ?? named ?? `${logicalName}-${randomBytes(4).toString("hex")}`,
        ...(isClusterWide ? {} : { namespace: metadata.namespace ?? this.#namespace }),
      },
    };
  }

  /** @param {KubeObject} object @param {{ dryRun: boolean }} options @returns {Promise<KubeObject>} */
  async apply(object, { dryRun }) {
    try {
      const strategy = kube.PatchStrategy.ServerSideApply;
      const applied = await this.#api.patch(
        object,
        undefined,
        dryRun ? "All" : undefined,
        FIELD_MANAGER,
        true,
        strategy,
      );
      return JSON.parse(JSON.stringify(applied));
    } catch (error) {
      throw plainError(object, error);
    }
  }

  /** @param {KubeObject} object @returns {Promise<KubeObject | undefined>} */
  async read(object) {
    try {
      return JSON.parse(JSON.stringify(await this.#api.read(headerOf(object))));
    } catch (error) {
      if (codeOf(error) === 404) return undefined;
      throw plainError(object, error);
    }
  }

  /** Whether an object's namespace exists, or it has none. @param {KubeObject} object */
  async hasNamespace({ metadata }) {
    if (metadata["namespace"] === undefined) return true;
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: metadata["namespace"] } };
    return (await this.read(namespace)) !== undefined;
  }

  /** Removes an object and waits until it is gone. @param {KubeObject} object */
  async remove(object) {
    try {
      await this.#api.delete(headerOf(object), undefined, undefined, undefined, undefined, "Background");
    } catch (error) {
      if (codeOf(error) === 404) return;
      throw plainError(object, error);
    }
    await this.#until(object, 300_000, async () => (await this.read(object)) === undefined);
  }

  /** Waits until what runs pods runs all of them, unless its annotation says not to. @param {KubeObject} object @param {number} timeoutMs */
  async waitFor(object, timeoutMs) {
    if (object.metadata["annotations"]?.["pulumi.com/skipAwait"] === "true") return;
    if (!["Deployment", "DaemonSet"].includes(object.kind)) return;
    await this.#until(object, timeoutMs || 600_000, async () => isRolledOut((await this.read(object)) ?? object));
  }

  /** @param {KubeObject} object @param {number} timeoutMs @param {() => Promise<boolean>} isDone */
  async #until(object, timeoutMs, isDone) {
    const end = performance.now() + timeoutMs;
    while (!(await isDone())) {
      if (performance.now() > end) throw new Error(`${describe(object)}: not done within ${timeoutMs / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** @param {KubeObject} object */
function isRolledOut({ kind, metadata, spec, status = {} }) {
  if (status.observedGeneration !== metadata["generation"]) return false;
  if (kind === "DaemonSet") return status.numberReady === status.desiredNumberScheduled;
  const wanted = spec.replicas ?? 1;
  return (status.updatedReplicas ?? 0) >= wanted && (status.availableReplicas ?? 0) >= wanted;
}

/** @param {KubeObject} object */
function headerOf({ apiVersion, kind, metadata: { name, namespace } }) {
  return { apiVersion, kind, metadata: { name: String(name), ...(namespace === undefined ? {} : { namespace }) } };
}

/** @param {unknown} error */
const codeOf = (error) => (error instanceof kube.ApiException ? error.code : undefined);

/** @param {KubeObject} object @param {unknown} error */
function plainError(object, error) {
  if (!(error instanceof kube.ApiException)) return error;
  let message = String(error.body);
  try {
    message = JSON.parse(message).message ?? message;
  } catch {
    // Not JSON: as it is.
  }
  return new Error(`${describe(object)}: ${message}`);
}

/** @param {KubeObject} object */
const describe = ({ kind, metadata: { name, namespace } }) => `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
