import { expect, test } from "vitest";
import { parseDuration, parsePercent } from "../../cli/units";
import { factsOf, parseNodes } from "../../cli/warm-targets";
import { warmMetadata, warmSpec } from "../../provider/warm-manifest";

const hash = "a".repeat(64);
const group = (pool: string) => ({ labels: [{ key: "pool", values: [pool] }], tolerations: undefined });

function daemonSet(pool: string, ...imagePullSecrets: readonly string[]) {
  const identity = { stack: "app/dev", pool: "fleet", group: pool, key: "api", hash };
  const content = {
    reference: "localhost:5000/images@sha256:aa",
    architectures: ["amd64"],
    nodes: group(pool),
    pause: "localhost:5000/images@sha256:bb",
    mechanism: "imageVolume",
    imagePullSecrets,
    runtimeClassName: undefined,
  } as const;
  const outputs = { metadata: { ...warmMetadata(identity, "warm"), name: "x" }, spec: warmSpec(identity, content) };
  return { type: "kubernetes:apps/v1:DaemonSet", outputs };
}

test("a stack tells where its image is which nodes its pools hold, and how those get in", () => {
  const image = (of: string, repository: string) => ({
    type: "pulumi-nodejs:dynamic/slipway:BuiltImage",
    outputs: { hash: of, repository },
  });
  const others = [{ type: "pulumi:pulumi:Stack" }, { type: "kubernetes:apps/v1:DaemonSet", outputs: { kind: "x" } }];
  const resources = [
    image("b".repeat(64), "localhost:5000/other"),
    image(hash, "localhost:5000/images"),
    daemonSet("cpu"),
    daemonSet("gpu", "login"),
    daemonSet("gpu", "login", "other"),
    ...others,
  ];
  expect(factsOf(hash, { deployment: { resources } })).toEqual({
    located: { repository: "localhost:5000/images" },
    groups: [group("cpu"), group("gpu")],
    namespace: "warm",
    imagePullSecrets: ["login", "other"],
  });
  const nothing = { located: undefined, groups: [], namespace: undefined, imagePullSecrets: [] };
  expect(factsOf(hash, { deployment: {} })).toEqual(nothing);
});

test("nodes are named by their cloud's groups or by labels", () => {
  expect(parseNodes("eks=workers").labels).toEqual([{ key: "eks.amazonaws.com/nodegroup", values: ["workers"] }]);
  expect(parseNodes("pool=gpu,disk=ssd").labels).toEqual([
    { key: "disk", values: ["ssd"] },
    { key: "pool", values: ["gpu"] },
  ]);
  expect(() => parseNodes("workers")).toThrow('--nodes "workers": it has no =.');
});

test("shares and times are read with their units, and nothing else is", () => {
  expect([parsePercent("--wait", "90%"), parsePercent("--wait", "0")]).toEqual([90, 0]);
  expect(["90s", "15m", "1.5h", "2d"].map((text) => parseDuration("--ttl", text))).toEqual([9e4, 9e5, 5.4e6, 1.728e8]);
  expect(() => parsePercent("--wait", "101%")).toThrow('--wait "101%" cannot be read.');
  expect(() => parseDuration("--ttl", "15")).toThrow('--ttl "15" cannot be read.');
});
