import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { chooseBuilder, readBuilderMirrors, type BuilderArgs, type BuilderDefaults } from "../../provider/builder-args";
import type { BuilderChoice } from "../../provider/builder-choice";
import { Secret } from "../../sdk/secret";
import { errorOf } from "../sdk/errors";

const call = { text: "new BuiltImage(…)", callSite: "index.ts:1:1" };
const none: BuilderDefaults = { builder: undefined, caBundle: undefined, compression: undefined };
const choose = (given?: BuilderArgs, defaults = none): Promise<BuilderChoice> =>
  new Promise((resolve) => void pulumi.output(chooseBuilder(call, given, defaults)).apply(resolve));

test.each<[string, BuilderArgs | undefined, BuilderChoice]>([
  ["none: buildx's current one", undefined, { kind: "current" }],
  ["a name", { name: "mine" }, { kind: "name", name: "mine" }],
  ["an address", { endpoint: "tcp://host:1234" }, { kind: "endpoint", endpoint: "tcp://host:1234" }],
  [
    "an address in an Output, of a container",
    { endpoint: pulumi.output("docker-container://buildkitd") },
    { kind: "endpoint", endpoint: "docker-container://buildkitd" },
  ],
  [
    "a pod",
    { endpoint: "kube-pod://buildkitd-0?namespace=ci" },
    { kind: "endpoint", endpoint: "kube-pod://buildkitd-0?namespace=ci" },
  ],
  [
    "TLS, by paths and what the run has",
    { endpoint: "tcp://h:1", tls: { ca: "~/ca.pem", cert: Secret.fromFile("c.pem"), key: Secret.fromConfig("key") } },
    {
      kind: "endpoint",
      endpoint: "tcp://h:1",
      tls: {
        ca: { kind: "file", path: "~/ca.pem" },
        cert: { kind: "file", path: "c.pem" },
        key: { kind: "config", key: "key" },
      },
    },
  ],
  ["a cluster", { kubernetes: {} }, { kind: "kubernetes", kubernetes: { name: "slipway" } }],
  [
    "a cluster, in all detail",
    {
      kubernetes: {
        name: "farm",
        namespace: "ci",
        replicas: 3,
        platforms: ["linux/arm64", "linux/amd64"],
        tolerations: [{ key: "build", operator: "Exists" }],
        requests: { cpu: "2", ephemeralStorage: "20Gi" },
        kubeconfig: Secret.fromEnv("CI_KUBECONFIG"),
      },
    },
    {
      kind: "kubernetes",
      kubernetes: {
        name: "farm",
        namespace: "ci",
        replicas: 3,
        platforms: ["linux/amd64", "linux/arm64"],
        tolerations: [{ key: "build", operator: "Exists" }],
        requests: { cpu: "2", ephemeralStorage: "20Gi" },
        kubeconfig: { kind: "env", name: "CI_KUBECONFIG" },
      },
    },
  ],
  [
    "settings",
    {
      compression: "zstd",
      cache: { to: "main", from: ["feature/x", "ghcr.io/acme/cache:main"], mode: "min" },
      maxConcurrency: 8,
      timeoutSeconds: 3_600,
      idleTimeoutSeconds: 0.5,
    },
    {
      kind: "current",
      compression: "zstd",
      cache: { to: "main", from: ["feature/x", "ghcr.io/acme/cache:main"], mode: "min" },
      maxConcurrency: 8,
      timeoutSeconds: 3_600,
      idleTimeoutSeconds: 0.5,
    },
  ],
])("a builder is chosen by %s", async (_what, given, choice) => {
  expect(await choose(given)).toEqual(choice);
});

test("what the arguments leave out comes from the settings", async () => {
  const defaults: BuilderDefaults = { builder: "mine", caBundle: "ca.pem", compression: "gzip" };
  expect(await choose({ maxConcurrency: 2 }, defaults)).toEqual({
    kind: "name",
    name: "mine",
    caBundle: "ca.pem",
    compression: "gzip",
    maxConcurrency: 2,
  });
  expect(await choose({ kubernetes: {}, caBundle: "other.pem", compression: "zstd" }, defaults)).toEqual({
    kind: "kubernetes",
    kubernetes: { name: "slipway" },
    caBundle: "other.pem",
    compression: "zstd",
  });
});

describe("is refused, with the user's line", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n";
  test.each<[string, object, string]>([
    ["two builders", { name: "a", endpoint: "tcp://a:1" }, "the builder has name and endpoint."],
    ["an empty name", { name: "" }, "the builder's name is empty."],
    ["an unknown option", { nodes: 2 }, "there is no option nodes."],
    ["tls of nothing", { tls: { ca: "ca.pem" } }, "the builder has tls and no endpoint."],
    ["no CA", { endpoint: "tcp://a:1", tls: {} }, "tls.ca is neither a path nor a Secret."],
    ["half of a key pair", { endpoint: "tcp://a:1", tls: { ca: "a", key: "k" } }, "one of cert and key is missing."],
    ["a key itself", { endpoint: "tcp://a:1", tls: { ca: "a", cert: "c", key: pem } }, "tls.key is neither a path"],
    ["a kubeconfig itself", { kubernetes: { kubeconfig: "apiVersion: v1\nkind: Config\n" } }, "neither a path"],
    ["a name that Kubernetes lacks", { kubernetes: { name: "My_Farm" } }, "kubernetes.name is no name"],
    ["no pods", { kubernetes: { replicas: 0 } }, "kubernetes.replicas is no number of pods."],
    ["an unknown platform", { kubernetes: { platforms: ["linux/amd65"] } }, "is not a platform"],
    ["a label that buildx cannot take", { kubernetes: { nodeSelector: { a: "b,c" } } }, "has one of = , ; in it."],
    ["no builds at once", { maxConcurrency: 0 }, "maxConcurrency is no number of builds."],
    ["no time", { timeoutSeconds: 0 }, "timeoutSeconds is no time."],
    ["a time of words", { idleTimeoutSeconds: "5m" }, "idleTimeoutSeconds is no time."],
    ["an unknown mode", { cache: { to: "a", mode: "most" } }, "the cache's mode is unknown."],
    ["cache of spaces", { cache: { to: "a b" } }, "the cache's to"],
    ["cache in no repository", { cache: { to: "Ghcr.io/ACME/x:main" } }, "of the builder "],
    ["cache from one", { cache: { from: "main" } }, "the cache's from is no list."],
    ["another compression", { compression: "xz" }, "the builder's compression is unknown."],
    ["no CA bundle", { caBundle: "" }, "the builder's caBundle is no path."],
  ])("%s", (_what, given, text) => {
    const error = errorOf(() => chooseBuilder(call, given, none));
    expect(error.message).toContain(text);
    expect(error.message).toContain("index.ts:1:1");
    expect(error.message).not.toContain("PRIVATE KEY");
  });
});

test("its mirrors are places for bases, in their order", () => {
  const mirrors = { "docker.io": ["localhost:5000", "mirror.acme.example/hub"], "ghcr.io": "localhost:5000/ghcr" };
  expect(readBuilderMirrors(call, { mirrors })).toEqual([
    { registry: "docker.io", place: "localhost:5000" },
    { registry: "docker.io", place: "mirror.acme.example/hub" },
    { registry: "ghcr.io", place: "localhost:5000/ghcr" },
  ]);
  const wrong = errorOf(() => readBuilderMirrors(call, { mirrors: { "docker.io": "https://mirror" } }));
  expect(wrong.message).toContain("does not say which registry is mirrored where");
});
