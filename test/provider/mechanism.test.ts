import { expect, test } from "vitest";
import { detectMechanism } from "../../provider/mechanism";
import { HttpServer } from "../fakes/http-server";

const server = new HttpServer();

/** A kubeconfig of its own for each test: what a cluster answered is remembered. */
function kubeconfigFor(name: string): string {
  const clusters = [{ name, cluster: { server: `http://${server.host}`, "insecure-skip-tls-verify": true } }];
  const contexts = [{ name, context: { cluster: name, user: name } }];
  return JSON.stringify({ clusters, contexts, users: [{ name, user: {} }], "current-context": name });
}

interface Has {
  readonly minor: string;
  readonly emulationMinor?: string;
  readonly runtime?: string;
  readonly volumes?: "on" | "switched off" | "nobody may try";
}

test.each<[Has, string]>([
  [{ minor: "30+" }, "exec"],
  [{ minor: "34" }, "exec"],
  [{ minor: "36", emulationMinor: "34" }, "exec"],
  [{ minor: "35+" }, "imageVolume"],
  [{ minor: "35", runtime: "containerd://2.1.0" }, "imageVolume"],
  [{ minor: "35", runtime: "containerd://2.0.5" }, "exec"],
  [{ minor: "36", runtime: "docker://29.6.2" }, "exec"],
  [{ minor: "36", runtime: "cri-o://1.35.0" }, "imageVolume"],
  [{ minor: "36", runtime: "nobody may know" }, "imageVolume"],
  [{ minor: "35", volumes: "switched off" }, "exec"],
  [{ minor: "35", volumes: "nobody may try" }, "imageVolume"],
])("a cluster with %o holds images by %s", async (has, mechanism) => {
  const { minor, emulationMinor, runtime = "containerd://2.2.4", volumes = "on" } = has;
  const node = { status: { nodeInfo: { containerRuntimeVersion: runtime } } };
  const answers = {
    "/version": [200, { major: "1", minor, emulationMinor }],
    "/api/v1/nodes": [runtime === "nobody may know" ? 403 : 200, { metadata: {}, items: [node] }],
    "/api/v1/namespaces/default/pods": [
      volumes === "nobody may try" ? 403 : 201,
      { spec: { containers: [], volumes: volumes === "on" ? [{ name: "image", image: { reference: "x" } }] : [] } },
    ],
  } as const;
  server.reset(({ url }, response) => {
    const found = Object.entries(answers).find(([path]) => url.split("?")[0]?.replace(/\/$/, "") === path);
    const [status, body] = found?.[1] ?? [404, {}];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  expect(await detectMechanism(kubeconfigFor(JSON.stringify(has)))).toBe(mechanism);
});

test("a cluster that does not answer is taken for a new one", async () => {
  server.reset((_request, response) => response.writeHead(500).end());
  expect(await detectMechanism(kubeconfigFor("silent"))).toBe("imageVolume");
});
