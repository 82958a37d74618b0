import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HttpServer } from "../fakes/http-server";

const main = join(__dirname, "../../dist/cli/main.js");
const slim = "docker.io/library/python:3.11-slim-bookworm";
const newer = "docker.io/library/python:3.12-slim-bookworm";
const platforms = ["--platform", "linux/amd64,linux/arm64"];

/** Docker Hub, as far as a mirror of it shows: each tag names an index of two platforms. */
const registry = new HttpServer();
/** Part of every manifest: another word is another version of every base. */
let word = "first";

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const imageOf = (tag: string, architecture: string): string => JSON.stringify({ tag, architecture, word });
function indexOf(tag: string): string {
  const manifests = ["amd64", "arm64"].map((architecture) => ({
    digest: digestOf(imageOf(tag, architecture)),
    platform: { os: "linux", architecture },
  }));
  return JSON.stringify({ manifests });
}

let project = "";
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "slipway-lock-")));
  word = "first";
  const indexes = new Map<string, string>();
  registry.reset(({ url }, response) => {
    const tag = url.split("/").at(-1) ?? "";
    const index = tag.startsWith("sha256:") ? indexes.get(tag) : indexOf(tag);
    if (index === undefined) return response.writeHead(404).end();
    indexes.set(digestOf(index), index);
    return response.writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json" }).end(index);
  });
  write(".git/HEAD", "");
  write("apps/api/package.json", "{}");
  write("apps/api/images.ts", images("3.11"));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

const images = (...versions: readonly string[]): string =>
  [
    `import { Image } from "slipway";`,
    ...versions.map((version, index) => `export const image${index} = Image.debianSlim("${version}").env({ A: "1" });`),
  ].join("\n");

const lockPath = () => join(project, "images.lock.json");
const readLock = () => JSON.parse(readFileSync(lockPath(), "utf8"));
const entry = (tag: string, ...architectures: readonly string[]) => ({
  digest: digestOf(indexOf(tag)),
  platforms: Object.fromEntries(
    architectures.map((name) => [`linux/${name}`, { digest: digestOf(imageOf(tag, name)) }]),
  ),
});

async function slipway(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const mirrors = { SLIPWAY_MIRRORS: `docker.io=${registry.host}` };
  const child = spawn(process.execPath, [main, ...args], {
    cwd: project,
    env: { ...process.env, SLIPWAY_LOCK: "", ...mirrors, ...env },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  await once(child, "close");
  return { exitCode: child.exitCode, ...output };
}

const file = "apps/api/images.ts";

describe("slipway lock", () => {
  test("pins the bases of a file's Images, in one file at the repository's root", async () => {
    write(file, images("3.12", "3.11"));
    const { exitCode, stdout, stderr } = await slipway(["lock", file]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const digests = ["3.11", "3.12"].map((version) => digestOf(imageOf(`${version}-slim-bookworm`, "amd64")));
    expect(stdout).toBe(
      `lock      images.lock.json\n` +
        `added     ${slim} linux/amd64 ${digests[0]}\nadded     ${newer} linux/amd64 ${digests[1]}\n`,
    );
    expect(readLock()).toEqual({
      version: 1,
      bases: { [slim]: entry("3.11-slim-bookworm", "amd64"), [newer]: entry("3.12-slim-bookworm", "amd64") },
    });
    expect(readdirSync(project).sort()).toEqual([".git", "apps", "images.lock.json"]);
  });

  test("again asks nothing and leaves the very file, though the base has moved", async () => {
    await slipway(["lock", file]);
    const { ino, mtimeMs } = statSync(lockPath());
    [word, registry.requests] = ["second", []];
    expect(await slipway(["lock", file])).toEqual({
      exitCode: 0,
      stdout: "lock      images.lock.json, unchanged\n",
      stderr: "",
    });
    expect(statSync(lockPath())).toMatchObject({ ino, mtimeMs });
    expect(registry.requests).toEqual([]);
  });

  test("keeps what other programs of the repository have, and takes one of several Images", async () => {
    write("apps/web/package.json", "{}");
    write("apps/web/images.ts", images("3.9", "3.12"));
    await slipway(["lock", file]);
    await slipway(["lock", "apps/web/images.ts#image1", "--json"]);
    expect(Object.keys(readLock().bases)).toEqual([slim, newer]);
  });

  test("adds a platform of the version that is locked, though the base has moved", async () => {
    await slipway(["lock", file]);
    const expected = entry("3.11-slim-bookworm", "amd64", "arm64");
    word = "second";
    const { stdout } = await slipway(["lock", file, ...platforms, "--json"]);
    const { digest } = expected.platforms["linux/arm64"] ?? {};
    const changes = [{ reference: slim, platform: "linux/arm64", to: digest }];
    expect(JSON.parse(stdout)).toEqual({ lock: "images.lock.json", changes });
    expect(readLock().bases).toEqual({ [slim]: expected });
  });

  test.each([
    ["--upgrade alone takes all that is locked as it is now", ["--upgrade"], [slim, newer]],
    ["--upgrade with a reference takes that one", ["--upgrade", "python:3.12-slim-bookworm"], [newer]],
    ["--upgrade with a file takes what its Images use", ["--upgrade", file], [slim]],
  ])("%s", async (_name, args, upgraded) => {
    write("apps/web/images.ts", images("3.12"));
    await slipway(["lock", file, "apps/web/images.ts", ...platforms]);
    const before = readLock().bases;
    word = "second";
    const { exitCode, stdout } = await slipway(["lock", ...args, "--json"]);
    expect(exitCode).toBe(0);
    const now: Readonly<Record<string, ReturnType<typeof entry>>> = {
      [slim]: entry("3.11-slim-bookworm", "amd64", "arm64"),
      [newer]: entry("3.12-slim-bookworm", "amd64", "arm64"),
    };
    const expected = Object.fromEntries(upgraded.map((reference) => [reference, now[reference]]));
    expect(readLock().bases).toEqual({ ...before, ...expected });
    const { changes } = JSON.parse(stdout);
    expect(changes).toHaveLength(upgraded.length * 2);
    expect(changes[0]).toEqual({
      reference: upgraded[0],
      platform: "linux/amd64",
      from: before[upgraded[0] ?? ""].platforms["linux/amd64"].digest,
      to: now[upgraded[0] ?? ""]?.platforms["linux/amd64"]?.digest,
    });
  });

  test("--check asks nothing, writes nothing, and fails when a base or a platform is missing", async () => {
    const first = await slipway(["lock", file, "--check"]);
    expect(first).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `error: images.lock.json: it does not have\n  - ${slim} for linux/amd64\nRun slipway lock ${file} and commit the file.\n`,
    });
    expect(existsSync(lockPath())).toBe(false);
    await slipway(["lock", file]);
    [word, registry.requests] = ["second", []];
    expect(await slipway(["lock", file, "--check"])).toMatchObject({ exitCode: 0, stdout: "lock  images.lock.json\n" });
    const json = await slipway(["lock", file, "--check", ...platforms, "--json"]);
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: "LOCK_INCOMPLETE", message: expect.stringContaining(`${slim} for linux/arm64`) },
    });
    expect(json.stdout).not.toContain("linux/amd64");
    expect(registry.requests).toEqual([]);
  });

  test.each([
    [["lock"], 2, "slipway lock: no file is given."],
    [["lock", "--upgrade"], 2, "slipway lock: there is no "],
    [["lock", file, "--upgrade", "python:3.13"], 2, "--upgrade: docker.io/library/python:3.13 is not in "],
    [["lock", file, "--upgrade", "--check"], 2, "--check writes nothing, and --upgrade does."],
    [["lock", "--upgrade", "Python:x"], 2, `--upgrade: reference "Python:x": `],
    [["lock", "gone.ts"], 1, "gone.ts: there is no such file"],
    [["lock", "apps/api/package.json"], 1, "apps/api/package.json: it exports no Image"],
  ])("%j is an error, and nothing is written", async (args, exitCode, message) => {
    const run = await slipway(args);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toContain(message);
    expect(existsSync(lockPath())).toBe(false);
  });
});

describe("a hash", () => {
  test("is the same with the lock, without a registry", async () => {
    const live = await slipway(["image", "hash", file, ...platforms]);
    await slipway(["lock", file, ...platforms]);
    [word, registry.requests] = ["second", []];
    const locked = await slipway(["image", "hash", file, ...platforms]);
    expect(locked).toEqual({ exitCode: 0, stdout: live.stdout, stderr: "" });
    expect(registry.requests).toEqual([]);
    expect(await slipway(["image", "hash", file], { SLIPWAY_MIRRORS: "docker.io=localhost:1" })).toMatchObject({
      exitCode: 0,
      stderr: "",
    });
  });

  test("of a base that the lock lacks is the registry's, with a warning", async () => {
    const live = await slipway(["image", "hash", file]);
    write("images.lock.json", '{ "version": 1, "bases": {} }');
    expect(await slipway(["image", "hash", file])).toEqual({
      ...live,
      stderr:
        `warning: ../../images.lock.json does not have ${slim} for linux/amd64: a registry was asked. ` +
        "Add it with slipway lock.\n",
    });
  });

  test("is written into the lock by SLIPWAY_LOCK=write, and no other value is known", async () => {
    await slipway(["image", "hash", file], { SLIPWAY_LOCK: "write" });
    expect(readLock().bases).toEqual({ [slim]: entry("3.11-slim-bookworm", "amd64") });
    const wrong = await slipway(["image", "hash", file], { SLIPWAY_LOCK: "check" });
    expect(wrong).toMatchObject({ exitCode: 1, stdout: "" });
    expect(wrong.stderr).toContain('error: SLIPWAY_LOCK: "check" is no way to use a lock.');
  });

  test.each([
    ["damaged", "{", "it is damaged: "],
    ["half merged", "{\n<<<<<<< HEAD\n", "line 2 is a marker of a merge conflict"],
    ["of a newer version", '{ "version": 2 }', "its version is 2, and this Slipway reads version 1."],
  ])("by a lock that is %s is an error, and so is an update of it", async (_what, text, found) => {
    write("images.lock.json", text);
    for (const args of [
      ["image", "hash", file],
      ["lock", file],
      ["lock", file, "--check"],
      ["lock", "--upgrade"],
    ]) {
      const { exitCode, stdout, stderr } = await slipway(args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toContain(`error: ${lockPath()}: ${found}`);
    }
    expect(readFileSync(lockPath(), "utf8")).toBe(text);
    expect(registry.requests).toEqual([]);
  });
});
