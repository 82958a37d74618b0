import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePrivateDocker } from "../../provider/credential-helper";

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "slipway helper's "))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function make(find: Parameters<typeof makePrivateDocker>[1], env: NodeJS.ProcessEnv = {}) {
  const folder = join(root, "docker");
  mkdirSync(folder, { mode: 0o700 });
  const made = await makePrivateDocker(folder, find, { PATH: process.env["PATH"], ...env });
  const ask = (server: string): Promise<{ code: unknown; stdout: string }> =>
    new Promise((resolve) => {
      const child = execFile("docker-credential-slipway", ["get"], { env: made }, (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      );
      child.stdin?.end(`${server}\n`);
    });
  return { folder, made, ask };
}

test("the helper gets a password from this process at the moment in which it is asked", async () => {
  let count = 0;
  const { ask } = await make((host) =>
    Promise.resolve({ kind: "password", username: "AWS", password: `${host}-${(count += 1)}` }),
  );
  expect(JSON.parse((await ask("registry.example")).stdout)).toEqual({
    ServerURL: "registry.example",
    Username: "AWS",
    Secret: "registry.example-1",
  });
  expect(JSON.parse((await ask("registry.example")).stdout)).toMatchObject({ Secret: "registry.example-2" });
  expect(JSON.parse((await ask("https://index.docker.io/v1/")).stdout)).toMatchObject({ Secret: "docker.io-3" });
});

test("no credentials is what Docker takes for none, and a failure says what it was", async () => {
  const { ask } = await make((host) =>
    host === "none.example" ? Promise.resolve(undefined) : Promise.reject(new Error("the session has expired")),
  );
  expect(await ask("none.example")).toEqual({ code: 1, stdout: "credentials not found in native keychain\n" });
  expect(await ask("other.example")).toEqual({ code: 1, stdout: "the session has expired\n" });
});

test("no file holds a password, and nobody else can read them", async () => {
  const { folder, ask } = await make(() => Promise.resolve({ kind: "password", username: "AWS", password: "canary" }));
  await ask("registry.example");
  const files = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  for (const name of files) expect(readFileSync(join(folder, name), "utf8")).not.toContain("canary");
  expect(files.map((name) => statSync(join(folder, name)).mode & 0o077)).toEqual(files.map(() => 0));
});

test("the user's builders and contexts stay, and the user's logins do not come along", async () => {
  const own = join(root, "own");
  mkdirSync(join(own, "contexts"), { recursive: true });
  const config = {
    currentContext: "remote",
    auths: { "registry.example": { auth: "c2VjcmV0" } },
    credsStore: "desktop",
  };
  writeFileSync(join(own, "config.json"), JSON.stringify(config));
  const { folder, made } = await make(() => Promise.resolve(undefined), { DOCKER_CONFIG: own });
  expect(JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))).toEqual({
    credsStore: "slipway",
    cliPluginsExtraDirs: [join(own, "cli-plugins")],
    currentContext: "remote",
  });
  expect(made).toMatchObject({ DOCKER_CONFIG: folder, BUILDX_CONFIG: join(own, "buildx") });
  expect(readdirSync(join(folder, "contexts"))).toEqual([]);
});
