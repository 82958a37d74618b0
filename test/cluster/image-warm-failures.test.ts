import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { publishPauseImage } from "../../provider/pause-image";
import type { Registry } from "../../provider/registry";
import { parseRepository } from "../../sdk/reference";
import { TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { newFolder, newRepository, registry } from "../integration/real-parts";
import { kubectl, newAccount, newNamespace } from "./cluster-parts";
import { startPrivateRegistry } from "./private-registry";
import { imageWarm } from "./slipway-command";

const hash = "8".repeat(64);

/** Puts an image under a hash; that which sleeps does, and needs no build. */
async function publishHash(client: Registry, repository: string): Promise<void> {
  const address = parseRepository(repository);
  const { digest } = await publishPauseImage(client, address);
  const manifest = await client.fetchManifest(address, digest);
  if (manifest === undefined) throw new Error("the image was not pushed");
  await client.putManifest(address, hash, manifest);
}

test("a namespace that is not there is named, a user with too few rights is told which one is missing, and the documented ones are enough", async () => {
  const namespace = await newNamespace();
  const repository = newRepository();
  await publishHash(registry, repository);
  const nowhere = ["--image", hash, "--repository", repository, "--namespace", "nowhere", "--nodes", "pool=cpu"];
  expect((await imageWarm(nowhere)).stderr).toMatch(/has no namespace nowhere\. Make it, or name another one\./);
  const { account, kubeconfig } = await newAccount("warmer");
  const file = join(newFolder(), "kubeconfig.json");
  writeFileSync(file, kubeconfig);
  const order = ["--image", hash, "--repository", repository, "--namespace", namespace, "--nodes", "pool=cpu"];
  const args = [...order, "--kubeconfig", file];
  const denied = await imageWarm([...args, "--json"]);
  expect(denied.exitCode).toBe(1);
  expect(denied.stderr).toContain(`user list daemonsets in the namespace ${namespace} (403).`);
  expect(JSON.parse(denied.stdout)).toMatchObject({ error: { code: "CLUSTER_DENIED" } });

  const allow = (resource: string, verbs: string) =>
    kubectl("create", "role", resource, "-n", namespace, `--verb=${verbs}`, `--resource=${resource}`);
  const bind = (role: string) =>
    kubectl("create", "rolebinding", role, "-n", namespace, `--role=${role}`, `--serviceaccount=default:${account}`);
  await allow("daemonsets.apps", "get,list,watch");
  await bind("daemonsets.apps");
  const reader = await imageWarm(args);
  expect(reader.exitCode).toBe(1);
  expect(reader.stderr).toContain(`user create and patch daemonsets in the namespace ${namespace} (403).`);

  await kubectl("delete", "role", "daemonsets.apps", "-n", namespace);
  await allow("daemonsets.apps", "get,list,watch,create,patch,delete");
  await allow("pods", "list,watch");
  await bind("pods");
  const allowed = await imageWarm([...args, "--timeout", "30s"]);
  expect(allowed.exitCode, allowed.stderr).toBe(0);
});

test("a hash that the repository does not have, a refused login and a cluster that is away end with 1 and their code; a node without a login is told so, and gets in by a pull secret", async () => {
  const { address, client, login } = await startPrivateRegistry();
  const namespace = await newNamespace();
  const codeOf = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const ended = await imageWarm([...args, "--namespace", namespace, "--nodes", "pool=cpu", "--json"], env);
    return [ended.exitCode, JSON.parse(ended.stdout).error?.code];
  };
  const missing = ["--image", "9".repeat(64), "--repository", newRepository()];
  expect(await codeOf(missing)).toEqual([1, "NOT_STORED"]);
  const repository = `${address}/team/warm`;
  await publishHash(client, repository);
  const known = ["--image", hash, "--repository", repository];
  expect(await codeOf(known, { DOCKER_CONFIG: "/nowhere" })).toEqual([1, "REGISTRY_DENIED"]);
  const cluster = { server: "https://127.0.0.1:9" };
  const kubeconfig = join(newFolder(), "kubeconfig.json");
  const contexts = [{ name: "away", context: { cluster: "away", user: "away" } }];
  const users = [{ name: "away", user: {} }];
  const clusters = [{ name: "away", cluster }];
  writeFileSync(kubeconfig, JSON.stringify({ clusters, contexts, users, "current-context": "away" }));
  const away = await codeOf([...known, "--kubeconfig", kubeconfig], { DOCKER_CONFIG: login });
  expect(away).toEqual([1, "CLUSTER_UNAVAILABLE"]);

  // The command has a login, the node has none.
  const order = [...known, "--namespace", namespace, "--nodes", "pool=cpu", "--timeout", "8s"];
  const none = await imageWarm(order, { DOCKER_CONFIG: login });
  expect(none.exitCode).toBe(4);
  expect(none.stderr).toContain("node-cpu-1  failed  the registry does not let the node in");
  const account = [`--docker-username=${TEST_USER}`, `--docker-password=${TEST_PASSWORD}`];
  await kubectl(
    "create",
    "secret",
    "docker-registry",
    "login",
    "-n",
    namespace,
    `--docker-server=${address}`,
    ...account,
  );
  const secret = ["--image-pull-secret", "absent", "--image-pull-secret", "login"];
  const warm = await imageWarm([...order, ...secret, "--timeout", "30s"], { DOCKER_CONFIG: login });
  expect(warm.exitCode, warm.stderr).toBe(0);
});
