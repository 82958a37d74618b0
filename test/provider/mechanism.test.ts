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

test.each([
  ["30+", "containerd://2.2.4", "exec"],
  ["34", "containerd://2.2.4", "exec"],
  ["35+", "containerd://2.2.4", "imageVolume"],
  ["35", "containerd://2.1.0", "imageVolume"],
  ["35", "containerd://2.0.5", "exec"],
  ["36", "docker://29.6.2", "exec"],
  ["36", "cri-o://1.35.0", "imageVolume"],
  ["36", "", "imageVolume"],
])("a cluster of version 1.%s whose nodes have %s holds images by %s", async (minor, runtime, mechanism) => {
  const node = { status: { nodeInfo: { containerRuntimeVersion: runtime } } };
  server.reset(({ url }, response) => {
    const isVersion = url?.startsWith("/version") === true;
    // Without a runtime: nodes may not be listed.
    response.writeHead(isVersion || runtime !== "" ? 200 : 403, { "content-type": "application/json" });
    response.end(JSON.stringify(isVersion ? { major: "1", minor } : { metadata: {}, items: [node] }));
  });
  expect(await detectMechanism(kubeconfigFor(`${minor} ${runtime}`))).toBe(mechanism);
});

test("a cluster that does not answer is taken for a new one", async () => {
  server.reset((_request, response) => response.writeHead(500).end());
  expect(await detectMechanism(kubeconfigFor("silent"))).toBe("imageVolume");
});
