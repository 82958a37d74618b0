import { expect, test } from "vitest";
import { driverOptions, kubernetesNodes, tlsOptions } from "../../provider/driver-options";

const file = (path: string) => ({ kind: "file", path }) as const;

test("a remote BuildKit's TLS is given to buildx by absolute paths", () => {
  const options = tlsOptions(
    { ca: file("a"), cert: file("b"), key: file("c"), serverName: "kit" },
    (name) => `/k/${name}`,
  );
  expect(options).toEqual(["cacert=/k/tls.ca", "cert=/k/tls.cert", "key=/k/tls.key", "servername=kit"]);
  expect(driverOptions(['cacert=/with,comma/and"quote'])).toEqual(["--driver-opt", '"cacert=/with,comma/and""quote"']);
});

test("a builder in a cluster is one Deployment, on any nodes", () => {
  expect(kubernetesNodes({ name: "slipway" })).toEqual([
    ["--driver", "kubernetes", "--node", "slipway", "--driver-opt", '"replicas=1"'],
  ]);
});

test("with platforms it is one for each, on nodes of that architecture", () => {
  const nodes = kubernetesNodes({
    name: "farm",
    namespace: "ci",
    replicas: 3,
    platforms: ["linux/amd64", "linux/arm/v7"],
    rootless: true,
    serviceAccount: "builder",
    nodeSelector: { pool: "build" },
    tolerations: [{ key: "build", operator: "Exists", effect: "NoSchedule" }, { key: "arm" }],
    requests: { cpu: "2", memory: "4Gi" },
    limits: { ephemeralStorage: "40Gi" },
  });
  const common = (selector: string) =>
    driverOptions([
      "namespace=ci",
      "replicas=3",
      "loadbalance=random",
      "rootless=true",
      "serviceaccount=builder",
      `nodeselector=pool=build,kubernetes.io/arch=${selector}`,
      "tolerations=key=build,operator=Exists,effect=NoSchedule;key=arm",
      "requests.cpu=2",
      "requests.memory=4Gi",
      "limits.ephemeral-storage=40Gi",
    ]);
  const driver = ["--driver", "kubernetes", "--node"];
  expect(nodes).toEqual([
    [...driver, "farm-amd64", ...common("amd64"), "--platform", "linux/amd64"],
    [...driver, "farm-arm-v7", ...common("arm"), "--platform", "linux/arm/v7"],
  ]);
});
