import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { startRegistry, TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { newWord, startTestRegistry, type TestRegistry } from "./registry";
import { IMPORTS, makeStack, makeTemporaryFolder, pulumi, readState, writeFiles } from "./stack";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

function program(repository: string): string {
  return `${IMPORTS}
const image = Image.debianSlim("3.11").runCommands("echo ${newWord()} > /word");
export const uri = new BuiltImage("api", { image, repository: "${repository}" }).uri;
`;
}

test("a preview goes on when the repository's registry is down, and an up says clearly why it cannot", async () => {
  const down = await startRegistry({ root: makeTemporaryFolder() });
  await down.stop();
  const repository = `${down.address}/e2e/images`;
  const stack = await makeStack({ "index.ts": program(repository) }, registry.env);
  const preview = await pulumi(stack, "preview");
  expect(preview.exitCode, preview.text).toBe(0);
  expect(preview.outputs["uri"]).toMatch(new RegExp(`^${repository}:[0-9a-f]{64}$`));
  expect(preview.lines["api"]?.join()).toMatch(
    /info: new image; whether it exists is unknown: .*the registry cannot be reached/,
  );
  const run = await pulumi(stack, "up");
  expect(run.exitCode).not.toBe(0);
  expect(run.lines["api"]?.join("\n")).toContain(
    `error: ${repository}: the registry cannot be reached: connect ECONNREFUSED`,
  );
  expect(run.text).not.toMatch(/node:internal|dist\/provider/);
  expect(readState(stack)["api"]).toBeUndefined();
});

test("a wrong login is a clear error, and with the right one the image is built and pushed", async () => {
  const root = makeTemporaryFolder();
  writeFiles(root, { htpasswd: TEST_HTPASSWD });
  const closed = await startRegistry({ root, htpasswd: join(root, "htpasswd") });
  try {
    const login = (name: string, password: string): NodeJS.ProcessEnv => {
      const auth = Buffer.from(`${TEST_USER}:${password}`).toString("base64");
      writeFiles(root, { [`${name}/config.json`]: JSON.stringify({ auths: { [closed.address]: { auth } } }) });
      return { DOCKER_CONFIG: join(root, name) };
    };
    const repository = `${closed.address}/e2e/images`;
    const stack = await makeStack({ "index.ts": program(repository) }, registry.env);
    const wrong = await pulumi(stack, "up", { env: login("wrong", "not-the-password") });
    expect(wrong.exitCode).not.toBe(0);
    const said = wrong.lines["api"]?.join("\n") ?? "";
    expect(said).toContain(`error: ${repository}: the registry does not let us read from it (401`);
    expect(said).toContain(`Run docker login ${closed.address}`);
    expect(wrong.text).not.toContain("not-the-password");
    const right = await pulumi(stack, "up", { env: login("right", TEST_PASSWORD) });
    expect(right.exitCode, right.text).toBe(0);
    const state = JSON.stringify(readState(stack));
    expect(readState(stack)["api"]?.outputs["digest"]).toMatch(/^sha256:/);
    expect(state).not.toContain(TEST_PASSWORD);
    expect(state).not.toContain(Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString("base64"));
  } finally {
    await closed.stop();
  }
});
