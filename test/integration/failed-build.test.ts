import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { BuildRequest } from "../../provider/builder";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { startBuildkit, startRegistry, TEST_HTPASSWD } from "../../tools/environment.mjs";
import { anyFreePort } from "../../tools/local/registry.mjs";
import { expectCode } from "../fakes/registry-contract";
import { environmentBuilder, makeBuilder, newFolder, newName, publish, requestFor } from "./real-parts";

const python = Image.debianSlim("3.11");
beforeEach(() => process.chdir(newFolder()));

describe("a step that fails", () => {
  test("is an error with the step, the last 30 lines that it printed and the user's line", async () => {
    const image = python
      .env({ A: "1" })
      .runCommands('for i in $(seq 1 40); do echo "line $i ü"; done; exit 7')
      .workdir("/app");
    const error = await expectCode(publish(image), "BUILD_FAILED");
    const lines = Array.from({ length: 30 }, (_, index) => `  | line ${index + 11} ü`);
    expect(error.callSite).toMatch(/failed-build\.test\.ts:\d+:\d+$/);
    expect(error.callSite).toBe(image.callSites[1]);
    expect(error.message).toBe(
      [
        'building: step 2 of 3 failed: runCommands for i in $(seq 1 40); do echo "line $i ü"; done; exit 7: exit code 7',
        ...lines,
        error.hint,
        `    at ${error.callSite}`,
      ].join("\n"),
    );
  });

  test("of several lines, or after copies, is found as the step that it is", async () => {
    writeFileSync("file", "content");
    const image = python
      .addLocalFile("file", "/srv/file", { strategy: "copy" })
      .runCommands("set -e\necho before\nfalse\necho after")
      .cmd(["x"]);
    const error = await expectCode(publish(image), "BUILD_FAILED");
    expect(error.message).toContain("step 2 of 3 failed: runCommands set -e: exit code 1\n  | before\n");
    expect(error.callSite).toBe(image.callSites[1]);
  });

  test("of pip shows what pip said", async () => {
    const image = python.pipInstall(["six==99"], { extraOptions: ["--no-index"] });
    const error = await expectCode(publish(image), "BUILD_FAILED");
    expect(error.message).toContain("step 1 of 1 failed: pipInstall six==99: exit code 1");
    expect(error.message).toContain("No matching distribution found for six==99");
    expect(error.callSite).toBe(image.callSites[0]);
  });

  test("before it runs, as a Dockerfile that BuildKit refuses, names its step too", async () => {
    const image = python.workdir("/app").dockerfileCommands(["HEALTHCHECK --interval=often CMD true"]);
    const error = await expectCode(publish(image), "BUILD_FAILED");
    expect(error.message).toContain("HEALTHCHECK --interval=often CMD true");
    expect(error.message).toContain("often");
  });

  test("puts no tag and leaves no temporary folder", async () => {
    const { builder, folder } = makeBuilder({ builder: environmentBuilder });
    const request = await requestFor(python.runCommands("exit 1"));
    await expectCode(builder.build(request), "BUILD_FAILED");
    expect(temporary(folder).filter((name) => name.startsWith("build-"))).toEqual([]);
  });
});

describe("a build that is stopped", () => {
  test("ends as cancelled within 5 seconds, without a process, a temporary folder or a tag", async () => {
    const { builder, folder } = makeBuilder({ builder: environmentBuilder });
    const controller = new AbortController();
    const started = makeResolvers();
    // A step that no other run has in its cache, so that it is still running when it is stopped.
    const name = newName();
    const request: BuildRequest = {
      ...(await requestFor(python.runCommands(`echo ${name}; sleep 300`))),
      signal: controller.signal,
      onProgress: ({ text }) => {
        if (text.includes("sleep 300")) started.resolve();
      },
    };
    const build = expectCode(builder.build(request), "BUILD_CANCELLED");
    await started.promise;
    expect(processesWith(folder)).not.toEqual([]);
    const stoppedAt = performance.now();
    controller.abort();
    const error = await build;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(error.message).toContain(
      `building for ${request.repository.host}/${request.repository.path}: it was stopped`,
    );
    expect(processesWith(folder)).toEqual([]);
    expect(temporary(folder).filter((left) => left.startsWith("build-"))).toEqual([]);
    expect(await fetchTags(request)).toEqual([]);
    await expect.poll(() => processesWith(`${name}; sleep 300`), { timeout: 5_000 }).toEqual([]);
  });
});

describe("a builder that cannot be used", () => {
  test.each([
    ["a socket that nobody made", () => Promise.resolve("unix:///nowhere/buildkitd.sock")],
    ["a port on which nobody listens", async () => `tcp://127.0.0.1:${await anyFreePort()}`],
    ["a name that nobody gave", () => Promise.resolve(`slipway-${newName()}`)],
  ])("%s is an error that says what to do", async (_what, choose) => {
    const chosen = await choose();
    const { builder } = makeBuilder({ builder: chosen });
    const error = await expectCode(builder.build(await requestFor(python.workdir("/app"))), "BUILDER_UNAVAILABLE");
    expect(error.message).toContain(chosen);
    expect(error.hint).toBe("Start it, or choose another one (SLIPWAY_BUILDER, or the builder argument).");
  });

  test("a machine without buildx is an error that says how to get it", async () => {
    const bin = newFolder();
    const { builder } = makeBuilder({ builder: environmentBuilder, env: { ...process.env, PATH: bin } });
    const error = await expectCode(builder.build(await requestFor(python.workdir("/app"))), "BUILDER_UNAVAILABLE");
    expect(error.message).toContain("neither `buildx` is on PATH nor does `docker buildx` answer");
    expect(error.hint).toContain("npm run quickstart");
  });

  test("with a context that does not fit into a pipe it is the same error", async () => {
    mkdirSync("app");
    writeFileSync("app/large", Buffer.alloc(8_000_000));
    const image = python.addLocalDir("app", "/srv/app", { strategy: "copy" });
    const { builder } = makeBuilder({ builder: "unix:///nowhere/buildkitd.sock" });
    await expectCode(builder.build(await requestFor(image)), "BUILDER_UNAVAILABLE");
  });
});

test("a builder that ends in the middle of a build is an error that says so", async () => {
  const mirrors = Object.fromEntries(readSettings(process.env).mirrors.map(({ registry, place }) => [registry, place]));
  const buildkit = await startBuildkit({ root: newFolder(), mirrors });
  onTestFinished(() => buildkit.stop());
  const { builder } = makeBuilder({ builder: buildkit.endpoint });
  let stopped: Promise<void> | undefined;
  const request: BuildRequest = {
    ...(await requestFor(python.runCommands("sleep 300"))),
    // While it pulls the base: that takes long enough.
    onProgress: () => void (stopped ??= buildkit.stop()),
  };
  await expectCode(builder.build(request), "BUILDER_UNAVAILABLE");
  await stopped;
});

test("a base's registry that the builder cannot reach is named, and the builder is not blamed", async () => {
  const host = `localhost:${await anyFreePort()}`;
  const from = `${host}/library/python@sha256:${"a".repeat(64)}`;
  const { builder } = makeBuilder({ builder: environmentBuilder, options: { backoffMs: () => 0 } });
  const request = { ...(await requestFor(python.workdir("/app"))), from };
  const error = await expectCode(builder.build(request), "BUILD_FAILED");
  expect(error.text).toContain(`${from}: failed to resolve source metadata`);
  expect(error.text).toContain("connection refused");
  expect(error.hint).toContain("It is the builder that asks the registry, from where it runs");
});

describe("a registry that does not take what was built", () => {
  const hint =
    "No tag was put. See that the builder can reach that registry, that the login of your Docker configuration may write there, and that the registry has space; its log says more.";

  test("because it cannot be reached: the error names it", async () => {
    const host = `localhost:${await anyFreePort()}`;
    const { builder } = makeBuilder({ builder: environmentBuilder });
    const request = await requestFor(python.workdir("/app"), `${host}/images`);
    const error = await expectCode(builder.build(request), "BUILD_FAILED");
    expect(error.message).toMatch(/failed to push localhost:\d+\/images: .* connection refused/);
    expect(error.message).toContain(host);
    expect(error.hint).toBe(hint);
  });

  test("because it lets us not in: the error names it", async () => {
    const root = newFolder();
    const htpasswd = join(root, "htpasswd");
    writeFileSync(htpasswd, TEST_HTPASSWD);
    const closed = await startRegistry({ root, htpasswd });
    onTestFinished(() => closed.stop());
    const env = { ...process.env, DOCKER_CONFIG: newFolder() };
    const { builder } = makeBuilder({ builder: environmentBuilder, env });
    const request = await requestFor(python.workdir("/app"), `${closed.address}/images`);
    const error = await expectCode(builder.build(request), "BUILD_FAILED");
    expect(error.message).toContain(`failed to push ${closed.address}/images: `);
    expect(error.message).toContain("401 Unauthorized");
    expect(error.hint).toBe(hint);
  });
});

/** What is in the folder of this process's temporary files. */
function temporary(folder: string): readonly string[] {
  return readdirSync(join(folder, String(process.pid)));
}

/** Command lines and environments that name something: of buildx it is the folder that we gave it. */
function processesWith(text: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text) && !isZombie(pid);
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

function isZombie(pid: string): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

async function fetchTags({ repository }: BuildRequest): Promise<readonly string[]> {
  const response = await fetch(`http://${repository.host}/v2/${repository.path}/tags/list`);
  const { tags }: { tags?: readonly string[] | null } = JSON.parse(await response.text());
  return tags ?? [];
}

function makeResolvers() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
