import * as pulumi from "@pulumi/pulumi";
import { checkNonEmpty, checkOptions, fail, type Call } from "../sdk/arguments";
import { describeError } from "../sdk/error";
import { parsePlatforms } from "../sdk/platform";
import { isSecret, type Secret } from "../sdk/secret";
import {
  compressions,
  parseBuilderChoice,
  withoutUndefined,
  type BuilderChoice,
  type BuilderSettings,
  type CacheChoice,
  type Compression,
  type KubernetesChoice,
  type TlsChoice,
} from "./builder-choice";
import { checkCacheName } from "./build-cache";
import { parseMirrors, type Mirror } from "./mirrors";
import type { Toleration } from "./node-groups";

/** Which BuildKit builds, and how; no part of an image's identity, and no change of it is an update. */
export interface BuilderArgs {
  /** A builder of buildx (`docker buildx ls`). Default: the setting `slipway:builder`. */
  readonly name?: string;
  /**
   * Or the address of a BuildKit: `unix:///run/buildkit/buildkitd.sock`, `tcp://buildkit:1234`,
   * `docker-container://buildkitd`, `kube-pod://buildkitd-0?namespace=ci`.
   */
  readonly endpoint?: pulumi.Input<string>;
  /** How a `tcp://` endpoint is known, and knows us. Default: without TLS. */
  readonly tls?: BuilderTls;
  /** Or BuildKits that buildx runs in a Kubernetes cluster. */
  readonly kubernetes?: KubernetesBuilder;
  /**
   * A file with the CAs (PEM) that steps trust while they run, for example of a company's proxy. It leaves no trace in
   * the image. Relative to the program's folder; default: the setting `slipway:caBundle`, `SLIPWAY_CA_BUNDLE`.
   */
  readonly caBundle?: string;
  /**
   * How layers are compressed that are built anew; no part of the hash, so an image that is stored stays as it is.
   * `"gzip"` for who cannot pull zstd: AWS Lambda, Docker before 23. Default: the setting `slipway:compression`,
   * `SLIPWAY_COMPRESSION`, `"zstd"`.
   */
  readonly compression?: "gzip" | "zstd";
  /** Keeps what steps made in the registry, for builders that are empty. Default: nothing is kept but prefixes. */
  readonly cache?: BuilderCache;
  /** Where else to look for bases, before the setting `slipway:mirrors`: registry → `host` or `host/path`, one or several. */
  readonly mirrors?: Readonly<Record<string, string | readonly string[]>>;
  /** How many builds of one program it does at once, from 1. Default 4. */
  readonly maxConcurrency?: number;
  /** Ends a build that takes longer, in seconds: that of one platform, with its push. Default: never. */
  readonly timeoutSeconds?: number;
  /** Ends a build of which nothing is heard for so long, in seconds; packing and pushing do not count. Default: never. */
  readonly idleTimeoutSeconds?: number;
}

/**
 * Build cache in a registry, under tags `cache-<name>-<image>-<platform>`: the name is yours (a branch, say), the image is
 * the resource's name. A name stands for the image's own repository, `host/path:name` for another one.
 */
export interface BuilderCache {
  /** Where it is written, for example `"main"`. Default: nowhere. */
  readonly to?: string;
  /** Where it is read, for example `[branch, "main"]`; what is missing there is passed over. Default: nowhere. */
  readonly from?: readonly string[];
  /** `"max"`: of all stages, `"min"`: of the layers that the image has. Default `"max"`. */
  readonly mode?: "min" | "max";
}

/**
 * The files of a TLS connection, in PEM: a path, relative to the program's folder or from `~/`, or a Secret, which is
 * read where the build runs: `Secret.fromConfig("builderKey")`. Their content is in no state.
 */
export interface BuilderTls {
  /** The CA of the builder. */
  readonly ca: string | Secret;
  /** The certificate that the builder knows us by. */
  readonly cert?: string | Secret;
  readonly key?: string | Secret;
  /** The name in the builder's certificate. Default: the endpoint's host. */
  readonly serverName?: string;
}

/** BuildKits in a cluster, made by buildx's Kubernetes driver when they are not there yet; nothing deletes them. */
export interface KubernetesBuilder {
  /** Of the Deployment: who gives the same uses the same BuildKits, and their cache. Default `"slipway"`. */
  readonly name?: string;
  /** Default: the kubeconfig's. */
  readonly namespace?: string;
  /** Pods of one Deployment; each build goes to one of them at random. Default 1. */
  readonly replicas?: number;
  /** A Deployment for each, on nodes of that architecture. Default: one, on any nodes. */
  readonly platforms?: readonly string[];
  /** Of BuildKit. Default: buildx's own choice. */
  readonly image?: string;
  /** Without privileges. Default `false`. */
  readonly rootless?: boolean;
  readonly serviceAccount?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly Toleration[];
  /** For example `{ cpu: "2", memory: "4Gi" }`. */
  readonly requests?: KubernetesResources;
  readonly limits?: KubernetesResources;
  /** A path, relative to the program's folder or from `~/`, or a Secret. Default: KUBECONFIG, `~/.kube/config`. */
  readonly kubeconfig?: string | Secret;
}

/** Quantities as Kubernetes writes them. */
export interface KubernetesResources {
  readonly cpu?: string;
  readonly memory?: string;
  readonly ephemeralStorage?: string;
}

/** What is used where the arguments do not say. */
export interface BuilderDefaults {
  readonly builder: string | undefined;
  readonly caBundle: string | undefined;
  readonly compression: Compression | undefined;
}

/**
 * The builder of an image's arguments.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function chooseBuilder(
  call: Call,
  given: BuilderArgs = {},
  defaults: BuilderDefaults,
): pulumi.Input<BuilderChoice> {
  checkOptions(call, given, KNOWN);
  const settings = readBuilderSettings(call, given, defaults);
  const ways = ["name", "endpoint", "kubernetes"].filter(
    (way) => way in given && Reflect.get(given, way) !== undefined,
  );
  if (ways.length > 1) {
    throw fail(call, `the builder has ${ways.join(" and ")}.`, 'Write { name: "…" } or { endpoint: "unix://…" }.');
  }
  const { name, endpoint, tls, kubernetes } = given;
  if (tls !== undefined && endpoint === undefined) {
    throw fail(
      call,
      "the builder has tls and no endpoint.",
      'Write { endpoint: "tcp://host:1234", tls: { ca: "…" } }.',
    );
  }
  if (kubernetes !== undefined)
    return { kind: "kubernetes", kubernetes: readKubernetes(call, kubernetes), ...settings };
  if (endpoint === undefined) {
    const text = name === undefined ? defaults.builder : checkNonEmpty(call, "the builder's name", name);
    return { ...parseBuilderChoice(text), ...settings };
  }
  const security = tls === undefined ? {} : { tls: readTls(call, tls) };
  return pulumi.output(endpoint).apply((address): BuilderChoice => {
    const choice = parseBuilderChoice(typeof address === "string" ? address : undefined);
    if (choice.kind !== "endpoint") {
      const hint = "Write unix:///run/buildkit/buildkitd.sock or tcp://host:1234.";
      throw fail(call, "the builder's endpoint has no scheme.", hint);
    }
    if (tls !== undefined && !choice.endpoint.startsWith("tcp://")) {
      throw fail(call, "the builder's endpoint is none that has tls.", "Leave tls out, or write tcp://host:1234.");
    }
    return { ...choice, ...security, ...settings };
  });
}

/**
 * Where a builder finds bases, before the program's own mirrors.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function readBuilderMirrors(call: Call, { mirrors = {} }: BuilderArgs = {}): readonly Mirror[] {
  const entries = Object.entries(checkOptions(call, mirrors, Object.keys(mirrors)));
  return entries.flatMap(([registry, places]) =>
    [places].flat().flatMap((place) => inCall(call, () => parseMirrors(`${registry}=${String(place)}`))),
  );
}

/** Gives what is wrong the user's line. */
function inCall<T>(call: Call, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw fail(call, `of the builder ${describeError(error)}`, undefined);
  }
}

const KNOWN = [
  "name",
  "endpoint",
  "tls",
  "kubernetes",
  "caBundle",
  "compression",
  "cache",
  "mirrors",
  "maxConcurrency",
  "timeoutSeconds",
  "idleTimeoutSeconds",
];

function readBuilderSettings(call: Call, given: BuilderArgs, defaults: BuilderDefaults): BuilderSettings {
  const { caBundle = defaults.caBundle, compression = defaults.compression, cache, maxConcurrency } = given;
  if (caBundle !== undefined && (typeof caBundle !== "string" || caBundle === "")) {
    throw fail(call, "the builder's caBundle is no path.", 'Write { caBundle: "./corp-ca.pem" }.');
  }
  if (compression !== undefined && !compressions.includes(compression)) {
    throw fail(call, "the builder's compression is unknown.", 'Write "gzip" or "zstd".');
  }
  if (maxConcurrency !== undefined && !(Number.isInteger(maxConcurrency) && maxConcurrency >= 1)) {
    throw fail(call, "the builder's maxConcurrency is no number of builds.", "Write a whole number from 1.");
  }
  const settings = {
    caBundle,
    compression,
    cache: cache === undefined ? undefined : readCache(call, cache),
    maxConcurrency,
    timeoutSeconds: checkSeconds(call, "timeoutSeconds", given.timeoutSeconds),
    idleTimeoutSeconds: checkSeconds(call, "idleTimeoutSeconds", given.idleTimeoutSeconds),
  };
  return withoutUndefined(settings);
}

function checkSeconds(call: Call, name: string, value: unknown): number | undefined {
  // Longer ones a timer of Node takes for no time at all.
  if (value === undefined || (typeof value === "number" && value > 0 && value <= 2_000_000)) return value;
  throw fail(call, `the builder's ${name} is no time.`, "Write seconds, more than 0 and at most 2000000.");
}

function readCache(call: Call, given: BuilderCache): CacheChoice {
  const { to, from, mode } = checkOptions(call, given, ["to", "from", "mode"]);
  if (mode !== undefined && mode !== "min" && mode !== "max") {
    throw fail(call, "the cache's mode is unknown.", 'Write "min" or "max".');
  }
  if (from !== undefined && !Array.isArray(from)) throw fail(call, "the cache's from is no list.", 'Write ["main"].');
  return withoutUndefined({
    to: to === undefined ? undefined : inCall(call, () => checkCacheName("the cache's to", to)),
    from: from?.map((name: unknown) => inCall(call, () => checkCacheName("the cache's from", name))),
    mode,
  });
}

function readTls(call: Call, given: BuilderTls): TlsChoice {
  const { ca, cert, key, serverName } = checkOptions(call, given, ["ca", "cert", "key", "serverName"]);
  if ((cert === undefined) !== (key === undefined)) {
    throw fail(call, "of the builder's tls one of cert and key is missing.", "Give both, or neither.");
  }
  return withoutUndefined({
    ca: readSource(call, "tls.ca", ca),
    cert: cert === undefined ? undefined : readSource(call, "tls.cert", cert),
    key: key === undefined ? undefined : readSource(call, "tls.key", key),
    serverName: serverName === undefined ? undefined : checkNonEmpty(call, "the builder's tls.serverName", serverName),
  });
}

/** What is kept is where it is, never what it is. */
function readSource(call: Call, name: string, given: unknown): TlsChoice["ca"] {
  if (isSecret(given)) return given.from;
  if (typeof given === "string" && given !== "" && !/[\n\r]|^-----/.test(given)) return { kind: "file", path: given };
  const hint = 'Write a path, or Secret.fromConfig("…"), Secret.fromEnv("…"); never the content.';
  throw fail(call, `the builder's ${name} is neither a path nor a Secret.`, hint);
}

function readKubernetes(call: Call, given: KubernetesBuilder): KubernetesChoice {
  checkOptions(call, given, KNOWN_OF_KUBERNETES);
  const { name = "slipway", replicas, platforms, kubeconfig, tolerations, requests, limits, ...rest } = given;
  // As the name of a Deployment it has to be short enough for what Kubernetes appends to it.
  if (typeof name !== "string" || !/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw fail(call, "the builder's kubernetes.name is no name of a Deployment.", "Write [a-z0-9-], at most 40.");
  }
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 1)) {
    throw fail(call, "the builder's kubernetes.replicas is no number of pods.", "Write a whole number from 1.");
  }
  const texts = Object.entries({ ...rest.nodeSelector, ...Object.assign({}, ...(tolerations ?? [])) });
  if (texts.some(([key, value]) => /[=,;"]/.test(`${key}${String(value)}`))) {
    throw fail(call, "a label or toleration of the builder has one of = , ; in it.", "buildx cannot take it.");
  }
  return withoutUndefined({
    ...withoutUndefined(rest),
    name,
    replicas,
    platforms: platforms && inCall(call, () => parsePlatforms(platforms)),
    tolerations: tolerations?.map((one) => textsOf(one)),
    requests: requests && textsOf(requests),
    limits: limits && textsOf(limits),
    kubeconfig: kubeconfig === undefined ? undefined : readSource(call, "kubernetes.kubeconfig", kubeconfig),
  });
}

const KNOWN_OF_KUBERNETES = [
  "name",
  "namespace",
  "replicas",
  "platforms",
  "image",
  "rootless",
  "serviceAccount",
  "nodeSelector",
  "tolerations",
  "requests",
  "limits",
  "kubeconfig",
];

function textsOf(values: object): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
}
