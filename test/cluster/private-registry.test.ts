import { expect, test } from "vitest";
import { TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { pulumi, writeFiles } from "../e2e/stack";
import { newRepository } from "../integration/real-parts";
import { imagesOn, IMPORTS, kubectl, makeClusterStack, newNamespace } from "./cluster-parts";
import { startPrivateRegistry } from "./private-registry";

test("a node without a login is told so in plain words, and pull secrets let it in", async () => {
  const namespace = await newNamespace();
  const { address, login, ref } = await startPrivateRegistry();
  const program = (more: string) => `
new WarmPool("fleet", { images: { secret: "${ref}" }, nodeGroups: { cpu: { labels: { pool: "cpu" } } }, namespace: "${namespace}", repository: "${newRepository()}"${more} });
`;
  const stack = await makeClusterStack(program(""), { DOCKER_CONFIG: login });
  const refused = await pulumi(stack, "up");
  expect(refused.exitCode).not.toBe(0);
  // Long before the 15 minutes are over: no login appears by itself.
  expect(refused.text).toMatch(/after \d\d s the images are on too few nodes \(cpu 0 of 1; wanted are 100%\)/);
  expect(refused.text).toContain("node-cpu-1, secret: the registry does not let the node in");
  expect(refused.text).not.toContain(TEST_PASSWORD);

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
  writeFiles(stack.folder, { "index.ts": IMPORTS + program(`, imagePullSecrets: ["login"]`) });
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(await imagesOn("node-cpu-1")).toContain(ref);
});

test("an image that does not exist is an error before anything runs", async () => {
  const namespace = await newNamespace();
  const ref = `${newRepository()}@sha256:${"0".repeat(64)}`;
  const stack = await makeClusterStack(
    `new WarmPool("fleet", { images: { gone: "${ref}" }, nodeGroups: { cpu: { labels: { pool: "cpu" } } }, namespace: "${namespace}", repository: "${newRepository()}" });`,
  );
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode).not.toBe(0);
  expect(preview.text).toContain(`image ${ref}: it was found nowhere.`);
  expect(preview.text).toContain("index.ts:2");
  expect(preview.text).not.toContain("reference-image");
});
