import { expect, test } from "vitest";
import {
  warmMetadata,
  warmResourceName,
  warmSpec,
  type WarmContent,
  type WarmIdentity,
} from "../../provider/warm-manifest";

const identity: WarmIdentity = {
  stack: "app/dev",
  pool: "fleet",
  group: "gpu",
  key: "api",
  hash: "0123456789abcdef".repeat(4),
};
const content: WarmContent = {
  reference: "registry.example/images@sha256:aa",
  architectures: ["amd64"],
  nodes: { labels: [{ key: "pool", values: ["gpu"] }], tolerations: undefined },
  pause: "registry.example/images@sha256:bb",
  mechanism: "imageVolume",
  imagePullSecrets: [],
  runtimeClassName: undefined,
};

const labels = {
  "app.kubernetes.io/name": "warm-image",
  "app.kubernetes.io/instance": "fleet-gpu-api-dev-3d2bef-0123456789",
  "app.kubernetes.io/managed-by": "slipway",
};
const affinity = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        {
          matchExpressions: [
            { key: "kubernetes.io/os", operator: "In", values: ["linux"] },
            { key: "kubernetes.io/arch", operator: "In", values: ["amd64"] },
            { key: "eks.amazonaws.com/compute-type", operator: "NotIn", values: ["fargate"] },
            { key: "type", operator: "NotIn", values: ["virtual-kubelet"] },
            { key: "pool", operator: "In", values: ["gpu"] },
          ],
        },
      ],
    },
  },
};
const powerless = {
  imagePullPolicy: "IfNotPresent",
  resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { memory: "16Mi" } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  },
};
const powerlessPod = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 1,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65534,
    runAsGroup: 65534,
    seccompProfile: { type: "RuntimeDefault" },
  },
};

test("a warm image is a DaemonSet of pods that mount it and may do nothing", () => {
  expect({ metadata: warmMetadata(identity, "warm"), spec: warmSpec(identity, content) }).toEqual({
    metadata: {
      namespace: "warm",
      labels,
      annotations: {
        "pulumi.com/skipAwait": "true",
        "slipway/pool": "fleet",
        "slipway/group": "gpu",
        "slipway/image": "api",
        "slipway/hash": identity.hash,
      },
    },
    spec: {
      selector: { matchLabels: { "app.kubernetes.io/instance": "fleet-gpu-api-dev-3d2bef-0123456789" } },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
      revisionHistoryLimit: 1,
      template: {
        metadata: { labels },
        spec: {
          ...powerlessPod,
          affinity,
          tolerations: [{ operator: "Exists" }],
          containers: [
            {
              ...powerless,
              name: "pause",
              image: "registry.example/images@sha256:bb",
              volumeMounts: [{ name: "image", mountPath: "/image", readOnly: true }],
            },
          ],
          volumes: [
            { name: "image", image: { reference: "registry.example/images@sha256:aa", pullPolicy: "IfNotPresent" } },
          ],
        },
      },
    },
  });
});

test("on an older cluster the image itself runs what sleeps, brought there by a container before it", () => {
  const { containers, initContainers, volumes } = warmSpec(identity, { ...content, mechanism: "exec" }).template.spec;
  expect({ containers, initContainers, volumes }).toEqual({
    initContainers: [
      {
        ...powerless,
        name: "bring-pause",
        image: "registry.example/images@sha256:bb",
        args: ["/slipway/pause"],
        volumeMounts: [{ name: "pause", mountPath: "/slipway" }],
      },
    ],
    containers: [
      {
        ...powerless,
        name: "pause",
        image: "registry.example/images@sha256:aa",
        command: ["/slipway/pause"],
        env: [{ name: "NVIDIA_VISIBLE_DEVICES", value: "void" }],
        volumeMounts: [{ name: "pause", mountPath: "/slipway", readOnly: true }],
      },
    ],
    volumes: [{ name: "pause", emptyDir: { sizeLimit: "64Ki" } }],
  });
});

test("pull secrets, a runtime class and tolerations of one's own reach the pods", () => {
  const own = { key: "team", operator: "Equal", value: "a", effect: "NoSchedule" } as const;
  const { spec } = warmSpec(identity, {
    ...content,
    nodes: { ...content.nodes, tolerations: [own] },
    imagePullSecrets: ["login"],
    runtimeClassName: "gvisor",
  }).template;
  expect(spec).toMatchObject({
    tolerations: [own],
    imagePullSecrets: [{ name: "login" }],
    runtimeClassName: "gvisor",
  });
});

test("an image whose architectures are not known may go to nodes of all", () => {
  const { spec } = warmSpec(identity, { ...content, architectures: [] }).template;
  const [term] = spec.affinity?.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms ?? [];
  expect(term?.matchExpressions.map(({ key }) => key)).toEqual([
    "kubernetes.io/os",
    "eks.amazonaws.com/compute-type",
    "type",
    "pool",
  ]);
});

const long = "a-name-that-is-much-longer-than-a-name-of-kubernetes-may-be";

test("every content, stack, pool, group and image selects pods of its own, by a label of at most 63 characters", () => {
  const all = [
    identity,
    { ...identity, hash: "f".repeat(64) },
    { ...identity, stack: "other/dev" },
    { ...identity, stack: "app/prod" },
    { ...identity, pool: "fleet-gpu", group: "api", key: "" },
    { ...identity, key: "nvcr.io/nvidia/pytorch:24.01-py3" },
    { ...identity, key: `${long}1` },
    { ...identity, key: `${long}2` },
    { ...identity, pool: "ÜBER", key: "…" },
  ];
  const labels = all.map((one) => warmSpec(one, content).selector.matchLabels["app.kubernetes.io/instance"]);
  expect(new Set(labels).size).toBe(all.length);
  for (const label of labels) expect(label).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
});

test("a DaemonSet's name is readable, leaves room for what Pulumi appends, and is no other one's", () => {
  expect(warmResourceName("fleet", "gpu", "api")).toBe("fleet-gpu-api");
  const odd = ["nvidia/pytorch:24.01-py3", "nvidia/pytorch:24-01-py3", `${long}1`, `${long}2`];
  const names = odd.map((key) => warmResourceName("fleet", "gpu", key));
  expect(names[0]).toBe("fleet-gpu-nvidia-pytorch-24-01-py3-066ac1");
  expect(new Set(names).size).toBe(odd.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,52}[a-z0-9])?$/);
});
