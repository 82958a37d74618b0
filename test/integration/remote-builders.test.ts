import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { BuilderChoice } from "../../provider/builder-choice";
import { BuildkitBuilder } from "../../provider/buildkit";
import { Leftovers } from "../../provider/leftovers";
import { Image } from "../../sdk/image";
import { startBuildkit } from "../../tools/environment.mjs";
import { HttpServer } from "../fakes/http-server";
import { pushBase } from "./platform-base";
import { newFolder, registry, requestFor } from "./real-parts";

const api = new HttpServer();
let folder: string;
beforeEach(() => {
  folder = newFolder();
  process.chdir(folder);
});

function makeBuilder(choice: BuilderChoice, config: Readonly<Record<string, string>> = {}) {
  const places = { folder, env: process.env, readConfig: (key: string) => config[key], hintConfig: () => "" };
  return new BuildkitBuilder(choice, new Leftovers(newFolder()), process.env, { places });
}

/** A BuildKit behind TLS that knows its clients by `cert.pem`, the certificate that it has itself. */
async function startWithTls(): Promise<string> {
  const buildkit = await startBuildkit({ root: join(folder, "buildkit") });
  onTestFinished(() => buildkit.stop());
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
  const names = ["-subj", "/CN=buildkit", "-addext", "subjectAltName=DNS:buildkit"];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  execFileSync("openssl", ["req", ...kind, ...names, ...files], { stdio: "ignore" });
  const cert = readFileSync(join(folder, "cert.pem"));
  const key = readFileSync(join(folder, "key.pem"));
  const options = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ["h2"] };
  const server = createServer(options, (client) => {
    const daemon = connect(buildkit.endpoint.replace("unix://", ""));
    for (const socket of [client, daemon]) {
      socket.on("error", () => undefined).on("close", () => void (client.destroy(), daemon.destroy()));
    }
    client.pipe(daemon).pipe(client);
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `tcp://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
}

test("a BuildKit behind TLS is reached with a CA by path and a key out of the stack's config", async () => {
  const endpoint = await startWithTls();
  const request = await requestFor(Image.base(await pushBase(["amd64"])).env({ A: "1" }));
  const cert = { kind: "file", path: "cert.pem" } as const;
  const tls = { ca: cert, cert, key: { kind: "config", key: "key" }, serverName: "buildkit" } as const;
  const config = { key: readFileSync("key.pem", "utf8") };
  const digest = await makeBuilder({ kind: "endpoint", endpoint, tls }, config).build(request);
  expect(await registry.findDigest(request.repository, digest)).toBe(digest);
});

test("buildx's Kubernetes driver makes the Deployments that the arguments describe", async () => {
  const path = "/apis/apps/v1/namespaces/ci/deployments";
  const made = new Map<string, string>();
  api.reset(({ method, url, body }, response) => {
    const answer = (status: number, content: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
    };
    // It sends protobuf, of which the texts are enough here.
    if (method === "POST" && url === path) made.set(`${path}/${/farm-\w+/.exec(body)?.[0]}`, body);
    const found = method === "POST" || made.has(url);
    const deployment = { kind: "Deployment", apiVersion: "apps/v1", metadata: { name: "farm" }, spec: { replicas: 3 } };
    if (found) return answer(200, { ...deployment, status: { readyReplicas: 3 } });
    // No pod, and so no BuildKit: there is none in this cluster.
    if (url.includes("/pods")) return answer(200, { kind: "PodList", apiVersion: "v1", items: [] });
    return answer(404, { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 });
  });
  const cluster = { clusters: [{ name: "c", cluster: { server: `http://${api.host}` } }] };
  const context = { contexts: [{ name: "c", context: { cluster: "c", user: "u" } }], "current-context": "c" };
  const kubeconfig = { apiVersion: "v1", kind: "Config", users: [{ name: "u", user: {} }], ...cluster, ...context };
  writeFileSync("kubeconfig", JSON.stringify(kubeconfig));
  const builder = makeBuilder({
    kind: "kubernetes",
    kubernetes: {
      name: "farm",
      namespace: "ci",
      replicas: 3,
      platforms: ["linux/amd64", "linux/arm64"],
      nodeSelector: { pool: "build" },
      tolerations: [{ key: "build", operator: "Exists", effect: "NoSchedule" }],
      requests: { cpu: "2", memory: "4Gi" },
      limits: { ephemeralStorage: "40Gi" },
      serviceAccount: "builder",
      kubeconfig: { kind: "file", path: "kubeconfig" },
    },
  });
  expect(await builder.readPlatforms()).toBeUndefined();
  expect([...made.keys()].sort()).toEqual([`${path}/farm-amd64`, `${path}/farm-arm64`]);
  for (const [url, body] of made) {
    const texts = [
      "kubernetes.io/arch",
      url.split("-").at(-1) ?? "",
      "pool",
      "build",
      "Exists",
      "NoSchedule",
      "builder",
    ];
    for (const text of [...texts, "cpu", "4Gi", "ephemeral-storage", "40Gi"]) expect(body).toContain(text);
  }
});
