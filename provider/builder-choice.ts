import * as v from "valibot";

const source = v.variant("kind", [
  v.object({ kind: v.literal("env"), name: v.string() }),
  v.object({ kind: v.literal("file"), path: v.string() }),
  v.object({ kind: v.literal("config"), key: v.string() }),
]);
const resources = v.optional(v.record(v.string(), v.string()));

/** How layers can be compressed. */
export const compressions = ["gzip", "zstd"] as const;

const settings = {
  /** A file with the CAs that RUN steps trust; relative to the program's folder, or from `~/`. */
  caBundle: v.optional(v.string()),
  /** Of layers that are built anew. */
  compression: v.optional(v.picklist(compressions)),
  cache: v.optional(
    v.object({
      to: v.optional(v.string()),
      from: v.optional(v.pipe(v.array(v.string()), v.readonly())),
      mode: v.optional(v.picklist(["min", "max"])),
    }),
  ),
  maxConcurrency: v.optional(v.number()),
  timeoutSeconds: v.optional(v.number()),
  idleTimeoutSeconds: v.optional(v.number()),
};

const tls = v.object({
  ca: source,
  cert: v.optional(source),
  key: v.optional(source),
  serverName: v.optional(v.string()),
});

const kubernetes = v.object({
  name: v.string(),
  namespace: v.optional(v.string()),
  replicas: v.optional(v.number()),
  /** A Deployment for each of them; none: one, of whatever its nodes are. */
  platforms: v.optional(v.pipe(v.array(v.string()), v.readonly())),
  image: v.optional(v.string()),
  rootless: v.optional(v.boolean()),
  serviceAccount: v.optional(v.string()),
  nodeSelector: v.optional(v.record(v.string(), v.string())),
  tolerations: v.optional(v.pipe(v.array(v.record(v.string(), v.string())), v.readonly())),
  requests: resources,
  limits: resources,
  kubeconfig: v.optional(source),
});

/** As a program tells it to its provider: a fact of the run, never of the state. */
export const builderChoiceSchema = v.variant("kind", [
  v.object({ kind: v.literal("current"), ...settings }),
  v.object({ kind: v.literal("name"), name: v.string(), ...settings }),
  v.object({ kind: v.literal("endpoint"), endpoint: v.string(), tls: v.optional(tls), ...settings }),
  v.object({ kind: v.literal("kubernetes"), kubernetes, ...settings }),
]);

/**
 * Which BuildKit builds, and how: a buildx builder by name, the address of a BuildKit, like `unix:///run/buildkit.sock`,
 * or one that buildx runs in a cluster.
 */
export type BuilderChoice = Readonly<v.InferOutput<typeof builderChoiceSchema>>;
/** What there is to say of any builder. */
export type BuilderSettings = Omit<Extract<BuilderChoice, { readonly kind: "current" }>, "kind">;
export type Compression = NonNullable<BuilderChoice["compression"]>;
export type CacheChoice = NonNullable<BuilderChoice["cache"]>;
export type TlsChoice = Readonly<v.InferOutput<typeof tls>>;
export type KubernetesChoice = Readonly<v.InferOutput<typeof kubernetes>>;

/** Where nobody says: a layer of gigabytes is made and unpacked faster, and is smaller (bench/README.md). */
export const DEFAULT_COMPRESSION: Compression = "zstd";

/**
 * Reads a builder as settings give it: an address has a scheme, everything else is a name.
 */
export function parseBuilderChoice(
  text: string | undefined,
  settingsOfAny: Pick<BuilderSettings, "caBundle" | "compression"> = {},
): BuilderChoice {
  const rest = withoutUndefined(settingsOfAny);
  if (text === undefined) return { kind: "current", ...rest };
  return text.includes("://") ? { kind: "endpoint", endpoint: text, ...rest } : { kind: "name", name: text, ...rest };
}

/** What says that two choices are the same builder. */
export function builderKey(choice: BuilderChoice): string {
  switch (choice.kind) {
    case "current":
      return "current";
    case "name":
      return `name ${choice.name}`;
    case "endpoint":
      return `endpoint ${choice.endpoint}`;
    case "kubernetes":
      return `kubernetes ${choice.kubernetes.namespace ?? ""} ${choice.kubernetes.name}`;
  }
}

/** A hidden input has no `undefined`. */
export function withoutUndefined<T extends object>(values: T): T {
  const copy = { ...values };
  for (const key of Object.keys(copy)) if (Reflect.get(copy, key) === undefined) Reflect.deleteProperty(copy, key);
  return copy;
}
