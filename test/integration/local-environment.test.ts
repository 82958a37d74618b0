import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify, isRunning } from "../../tools/local/process-identity.mjs";
import { isListening } from "../../tools/local/buildkit.mjs";
import { startBuildkit, startRegistry, TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";

const environmentModule = new URL("../../tools/environment.mjs", `file://${__filename}`).href;
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "slipway-local-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function fetchStatus(address: string, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(`http://${address}/v2/`, { headers })).status;
}

/** Whether something becomes true within some seconds. */
async function becomesTrue(isTrue: () => boolean): Promise<boolean> {
  const end = performance.now() + 15_000;
  while (!isTrue() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return isTrue();
}

test("a throw-away registry answers until it is stopped", async () => {
  const registry = await startRegistry({ root });
  expect(await fetchStatus(registry.address)).toBe(200);
  await registry.stop();
  await expect(fetchStatus(registry.address)).rejects.toThrow();
  expect(identify(registry.pid)).toBeUndefined();
});

test("a registry with an account lets nobody else in", async () => {
  const htpasswd = join(root, "htpasswd");
  writeFileSync(htpasswd, TEST_HTPASSWD);
  const registry = await startRegistry({ root, htpasswd });
  try {
    const basic = (password: string) => ({ authorization: `Basic ${btoa(`${TEST_USER}:${password}`)}` });
    expect(await fetchStatus(registry.address)).toBe(401);
    expect(await fetchStatus(registry.address, basic("wrong"))).toBe(401);
    expect(await fetchStatus(registry.address, basic(TEST_PASSWORD))).toBe(200);
  } finally {
    await registry.stop();
  }
});

test("a registry can be stopped and started anew at the same place", async () => {
  const first = await startRegistry({ root });
  await first.stop();
  const port = Number(first.address.split(":")[1]);
  const second = await startRegistry({ root, port });
  try {
    await new Promise((resolve) => setTimeout(resolve, 500)); // What watched over the first must leave the second alone.
    expect(await fetchStatus(second.address)).toBe(200);
  } finally {
    await second.stop();
  }
});

test("a port that is taken is an error, not somebody else's registry", async () => {
  const registry = await startRegistry({ root });
  try {
    const port = Number(registry.address.split(":")[1]);
    await expect(startRegistry({ root: join(root, "other"), port })).rejects.toThrow("the port is in use");
  } finally {
    await registry.stop();
  }
});

test("a throw-away BuildKit listens until it is stopped", async () => {
  const buildkit = await startBuildkit({ root, mirrors: { "docker.io": "localhost:5000" } });
  const socket = buildkit.endpoint.replace("unix://", "");
  expect(await isListening(socket)).toBe(true);
  await buildkit.stop();
  expect(await isListening(socket)).toBe(false);
  expect(identify(buildkit.pid)).toBeUndefined();
});

/** Starts instances in a process of their own, by code that gives a list of them. */
async function startElsewhere(code: string) {
  const program = `
    const { startBuildkit, startRegistry } = await import(${JSON.stringify(environmentModule)});
    const instances = ${code};
    console.log(JSON.stringify(instances.map((instance) => instance.pid)));
    setInterval(() => {}, 1_000);`;
  const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(starter.stdout, "data");
  const identities = [...String(line).matchAll(/\d+/g)].map(([pid]) => {
    const identity = identify(Number(pid));
    if (!identity) throw new Error("it never ran");
    return identity;
  });
  return { starter, identities };
}

test("throw-away instances end with the process that started them, also when it is killed", async () => {
  const { starter, identities } = await startElsewhere(`[
    await startRegistry({ root: ${JSON.stringify(join(root, "registry"))} }),
    await startBuildkit({ root: ${JSON.stringify(join(root, "buildkit"))} }),
  ]`);
  expect(identities).toHaveLength(2);
  starter.kill("SIGKILL");
  for (const identity of identities) expect(await becomesTrue(() => !isRunning(identity))).toBe(true);
  // The reapers' last work: mounts and records.
  const records = [join(root, "registry", "registry.json"), join(root, "buildkit", "buildkitd.json")];
  expect(await becomesTrue(() => !records.some((path) => existsSync(path)))).toBe(true);
  expect(await becomesTrue(() => !readFileSync("/proc/self/mountinfo", "utf8").includes(root))).toBe(true);
});

test("a throw-away instance ends with the process that started it, also when its folder is gone by then", async () => {
  const { starter, identities } = await startElsewhere(`[await startRegistry({ root: ${JSON.stringify(root)} })]`);
  rmSync(root, { recursive: true });
  starter.kill("SIGKILL");
  expect(identities).toHaveLength(1);
  for (const identity of identities) expect(await becomesTrue(() => !isRunning(identity))).toBe(true);
});
