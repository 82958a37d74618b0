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
  ["1", "30+", "exec"],
  ["1", "34", "exec"],
  ["1", "35+", "imageVolume"],
])("a cluster of version %s.%s holds images by %s", async (major, minor, mechanism) => {
  server.reset((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ major, minor }));
  });
  expect(await detectMechanism(kubeconfigFor(minor))).toBe(mechanism);
});

test("a cluster that does not answer is taken for a new one", async () => {
  server.reset((_request, response) => response.writeHead(500).end());
  expect(await detectMechanism(kubeconfigFor("silent"))).toBe("imageVolume");
});
