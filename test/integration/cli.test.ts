import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { HttpServer } from "../fakes/http-server";

const main = join(__dirname, "../../dist/cli/main.js");
const repository = `${process.env["SLIPWAY_REPOSITORY"] ?? "localhost:5000/images"}/cli`;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-cli-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** What makes the images of this run new ones. */
const salt = `${Date.now()}-${process.pid}`;

/** A project whose images are beside its program; `temporary` is where the command puts what is temporary. */
function makeProject(images: string) {
  const project = mkdtempSync(join(folder, "project-"));
  const files = {
    "Pulumi.yaml": "name: shop\nruntime: nodejs\nmain: program/\n",
    "program/app.py": `print("${salt}")\n`,
    "program/program/inner.py": "",
    "images/images.ts": `import { Image } from "slipway";\n${images}`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  const temporary = join(project, "temporary");
  mkdirSync(temporary);
  return { project, temporary, file: "images/images.ts" };
}

/** What a command left in its temporary folder, but for the empty folder that all of a user's commands share. */
function filesIn(temporary: string): readonly string[] {
  return readdirSync(temporary, { recursive: true, encoding: "utf8" }).filter((path) => path.includes("/"));
}

interface Options {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

async function run(args: readonly string[], { cwd, env = {} }: Options) {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  await once(child, "close");
  return { exitCode: child.exitCode, ...output };
}

const app = `export const api = Image.debianSlim("3.11").addLocalFile("app.py", "/app/app.py", { strategy: "copy" });\n`;

test("image hash prints one hash, and what is only mounted beside it", async () => {
  const { project, file } = makeProject(
    `export const api = Image.debianSlim("3.11").cmd(["true"]);
export const mounted = api.addLocalFile("app.py", "/app/app.py");\n`,
  );
  const [plain, mounted] = await Promise.all([
    run(["image", "hash", `${file}#api`], { cwd: project }),
    run(["image", "hash", `${file}#mounted`], { cwd: project }),
  ]);
  expect(mounted.stdout).toBe(plain.stdout);
  expect(plain.stderr).toBe("");
  expect(mounted.stderr).toMatch(/^mounts [0-9a-f]{64}, not in the image:\n  app\.py → \/app\/app\.py\n$/);
  const { stdout } = await run(["image", "hash", `${file}#mounted`, "--json"], { cwd: project });
  expect(JSON.parse(stdout)).toMatchObject({
    hash: plain.stdout.trim(),
    mounts: { files: [{ source: "app.py", destination: "/app/app.py", tree: expect.any(String) }] },
  });
});

test("a file gives the same hash from any working directory", async () => {
  const { project, file } = makeProject(app);
  const path = join(project, file);
  const answers = await Promise.all([
    run(["image", "hash", `${file}#api`], { cwd: project }),
    run(["image", "hash", "images.ts"], { cwd: join(project, "images") }),
    run(["image", "hash", `${path}#api`], { cwd: "/" }),
  ]);
  expect(answers[0]?.stdout).toMatch(/^[0-9a-f]{64}\n$/);
  for (const answer of answers) expect(answer).toEqual({ exitCode: 0, stdout: answers[0]?.stdout, stderr: "" });
});

test("programs in two folders use the images of one module, each from its own folder", async () => {
  const shared = `import { Image } from "slipway";
export const api = Image.debianSlim("3.11")
  .addLocalFile(new URL("./shared.py", import.meta.url), "/app/shared.py", { strategy: "copy" });\n`;
  const { project } = makeProject("");
  writeFileSync(join(project, "shared.ts"), shared);
  writeFileSync(join(project, "shared.py"), `print("${salt}")\n`);
  for (const name of ["a", "b/deep"]) {
    mkdirSync(join(project, name), { recursive: true });
    writeFileSync(join(project, name, "package.json"), "{}");
    writeFileSync(join(project, name, "Pulumi.yaml"), "name: a\nruntime: nodejs\n");
    writeFileSync(join(project, name, "images.ts"), `export * from "${name === "a" ? ".." : "../.."}/shared";\n`);
  }
  const args = ["image", "build", "a/images.ts", "b/deep/images.ts", "--repository", repository, "--json"];
  const { exitCode, stdout } = await run(args, { cwd: project });
  expect(exitCode).toBe(0);
  const [first, second] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(first.reused).toBe(false);
  expect(second).toEqual({ ...first, image: "b/deep/images.ts", reused: true });
});

const manifest = JSON.stringify({ schemaVersion: 2, config: {}, layers: [] });
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const baseRegistry = new HttpServer();

/** Only the base's registry answers: there is neither buildx nor a builder. */
function onlyBase(): NodeJS.ProcessEnv {
  baseRegistry.reset((_request, response) => response.writeHead(200, { "content-type": manifestType }).end(manifest));
  return { PATH: "", SLIPWAY_BUILDER: "unix:///gone", SLIPWAY_MIRRORS: `docker.io=${baseRegistry.host}` };
}

test("hash asks for one base manifest and for nothing else, and loads no Pulumi", async () => {
  const { project, file } = makeProject(app);
  const preload = join(project, "preload.cjs");
  writeFileSync(
    preload,
    'process.on("exit", () => console.error(Object.keys(require.cache).filter((path) => path.includes("@pulumi/pulumi/runtime/"))));',
  );
  const env = { ...onlyBase(), NODE_OPTIONS: `--require ${preload}` };
  const { exitCode, stdout, stderr } = await run(["image", "hash", file, "--json"], { cwd: project, env });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "[]\n" });
  expect(JSON.parse(stdout)).toEqual({
    image: file,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    platforms: ["linux/amd64"],
    mounts: { hash: expect.stringMatching(/^[0-9a-f]{64}$/), files: [] },
  });
  expect(baseRegistry.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "GET /v2/library/python/manifests/3.11-slim-bookworm",
  ]);
});

test("dockerfile prints what would be built, one text for each platform", async () => {
  const { project, file } = makeProject(app);
  const env = onlyBase();
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  const text = `FROM docker.io/library/python@${digest}\nCOPY --link ["c/0/","/app/"]\n`;
  const one = await run(["image", "dockerfile", file], { cwd: project, env });
  expect(one).toEqual({ exitCode: 0, stdout: text, stderr: "" });

  const platforms = ["--platform", "linux/arm64", "--platform", "linux/amd64"];
  const two = await run(["image", "dockerfile", file, ...platforms], { cwd: project, env });
  expect(two.stdout).toBe(`# linux/amd64\n${text}\n# linux/arm64\n${text}`);
  const json = await run(["image", "dockerfile", file, ...platforms, "--json"], { cwd: project, env });
  const dockerfiles = { "linux/amd64": text, "linux/arm64": text };
  expect(JSON.parse(json.stdout)).toEqual({ hash: expect.stringMatching(/^[0-9a-f]{64}$/), dockerfiles });
});

test("a base that cannot be reached is an error", async () => {
  const { project, file } = makeProject('export const api = Image.base("localhost:1/base");');
  const { exitCode, stdout, stderr } = await run(["image", "hash", file, "--json"], { cwd: project });
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "BASE_UNAVAILABLE" } });
  expect(stderr).toContain("error: base localhost:1/base:latest: it was found nowhere.");
});

test("what the file logs does not mix with the result", async () => {
  const { project, file } = makeProject(`console.log("from the file");\n${app}`);
  const { stdout, stderr } = await run(["image", "hash", file], { cwd: project });
  expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
  expect(stderr).toBe("from the file\n");
});

test("a wrong command line ends with 2, a wrong file with 1", async () => {
  const { project, file } = makeProject(app);
  expect((await run(["image", "hash", file, "--nope"], { cwd: project })).exitCode).toBe(2);
  expect((await run(["image", "hash", "gone.ts"], { cwd: project })).exitCode).toBe(1);
});

test("an image is built once, and then taken from the repository without a builder", async () => {
  const { project, temporary, file } = makeProject(
    `export const api = Image.debianSlim("3.11").runCommands("echo ${salt}");`,
  );
  const env = { SLIPWAY_REPOSITORY: repository, TMPDIR: temporary };
  const first = await run(["image", "build", file, "--json"], { cwd: project, env });
  expect(first.exitCode).toBe(0);
  expect(first.stderr).toMatch(/^\[ +\d+\.\d s\] images\/images\.ts: building step 1 of 1: runCommands echo /m);
  const result = JSON.parse(first.stdout);
  const { hash, digest, sizeBytes } = result;
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(sizeBytes).toBeGreaterThan(0);
  const [uri, ref] = [`${repository}:${hash}`, `${repository}@${digest}`];
  expect(result).toEqual({
    ...{ image: file, hash, uri, ref, digest, sizeBytes },
    ...{ reused: false, platforms: ["linux/amd64"] },
  });
  expect(filesIn(temporary)).toEqual([]);

  const withoutBuilder = { ...env, PATH: "", SLIPWAY_BUILDER: "unix:///gone" };
  const second = await run(["image", "build", `${file}#api`], { cwd: project, env: withoutBuilder });
  expect(second).toMatchObject({
    exitCode: 0,
    stdout: `image   ${file}#api\nuri     ${uri}\nref     ${ref}\nreused  yes\n`,
  });
});

test("an image for several platforms is one index", async () => {
  const { project, file } = makeProject(app);
  const args = ["image", "build", file, "--platform", "linux/arm64,linux/amd64", "--repository", repository, "--json"];
  const { stdout } = await run(args, { cwd: project });
  const { digest, platforms } = JSON.parse(stdout);
  expect(platforms).toEqual(["linux/amd64", "linux/arm64"]);
  const [host = "", ...path] = repository.split("/");
  const index = await fetch(`http://${host}/v2/${path.join("/")}/manifests/${digest}`, {
    headers: { accept: "application/vnd.oci.image.index.v1+json" },
  });
  expect(await index.json()).toMatchObject({ manifests: [{}, {}] });
});

test("what addLocalDir left out by default is told on stderr, once for a folder, and is not in the hash", async () => {
  const copy = '.addLocalDir("program", "/app", { strategy: "copy" })';
  const { project, file } = makeProject(`export const api = Image.debianSlim("3.11")${copy}${copy};\n`);
  const cli = () => run(["image", "hash", file], { cwd: project });
  const before = await cli();
  expect(before).toMatchObject({ exitCode: 0, stderr: "" });
  writeFileSync(join(project, "program/program/.env"), "TOKEN=1");
  expect(await cli()).toEqual({
    ...before,
    stderr: 'addLocalDir("program", …): left out .env: add { include: [...] } to copy them\n',
  });
});

test("hash of several images prints each with its name", async () => {
  const { project } = makeProject(`${app}export const worker = api.cmd(["true"]);\n`);
  const { exitCode, stdout } = await run(["image", "hash", "*/images.ts#*"], { cwd: project });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^[0-9a-f]{64}  images\/images\.ts#api\n[0-9a-f]{64}  images\/images\.ts#worker\n$/);
});

test("lock takes patterns, and is one lock for all files that match", async () => {
  const { project } = makeProject(app);
  writeFileSync(join(project, "images/other.ts"), `import { Image } from "slipway";\n${app}`);
  const { exitCode, stdout } = await run(["lock", "images/*.ts"], { cwd: project });
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^lock {6}program\/images\.lock\.json\nadded {5}.*\n$/),
  });
  expect((await run(["lock", "image/*.ts"], { cwd: project })).stderr).toContain("image/*.ts: no file matches");
});

test("a build that fails stops no other, and is told with its name and the user's line", async () => {
  const { project, file } = makeProject(
    `${app}export const broken = Image.debianSlim("3.11")\n  .runCommands("echo ${salt}; exit 3");
export const same = Image.debianSlim("3.11").runCommands("echo ${salt}; exit 3");
export const zero = Image.debianSlim("3.11").cmd(["${salt}"]);\n`,
  );
  const args = ["image", "build", `${file}#*`, "gone/*.ts", "--repository", repository, "--json"];
  const { exitCode, stdout, stderr } = await run(args, { cwd: project });
  expect(exitCode).toBe(1);
  const lines = stdout.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { image: "gone/*.ts", error: { code: "PROGRAM_FILE" } },
    { image: `${file}#api`, ref: expect.any(String) },
    { image: `${file}#broken`, error: { code: "BUILD_FAILED" } },
    { image: `${file}#same`, error: { code: "PREFIX_FAILED" } },
    { image: `${file}#zero`, ref: expect.any(String) },
  ]);
  expect(stderr).toContain(`  | ${salt}\n`);
  expect(stderr).toContain(`at ${join(project, file)}:4:`);
  expect(stderr).toContain(`error: ${file}#same: it is the same image as ${file}#broken, which failed.`);
  expect(stderr).toMatch(new RegExp(`^failed: 3 of 5: gone/\\*\\.ts, ${file}#broken, ${file}#same$`, "m"));
});

test.each(["SIGINT", "SIGTERM"] as const)("%s stops a build and leaves nothing behind", async (signal) => {
  const { project, temporary, file } = makeProject(
    `export const slow = Image.debianSlim("3.11").runCommands("sleep 120; echo ${salt}-${signal}");`,
  );
  const env = { ...process.env, SLIPWAY_REPOSITORY: repository, TMPDIR: temporary };
  const hash = (await run(["image", "hash", file], { cwd: project, env })).stdout.trim();
  const child = spawn(process.execPath, [main, "image", "build", file], { cwd: project, env });
  let stderr = "";
  const isBuilding = new Promise<void>((resolve) => {
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk);
      if (stderr.includes("runCommands sleep")) resolve();
    });
  });
  await Promise.race([isBuilding, once(child, "close").then(() => Promise.reject(new Error(stderr)))]);
  const start = performance.now();
  child.kill(signal);
  const [exitCode, endedBy] = await once(child, "close");
  expect(performance.now() - start).toBeLessThan(5_000);
  expect({ exitCode, endedBy }).toEqual({ exitCode: null, endedBy: signal });
  expect(stderr).toContain("it was stopped, and no tag was put.");

  const { stdout: processes } = await promisify(execFile)("ps", ["-eo", "args"]);
  expect(processes).not.toContain(temporary);
  expect(filesIn(temporary)).toEqual([]);
  const [host = "", ...path] = repository.split("/");
  expect((await fetch(`http://${host}/v2/${path.join("/")}/manifests/${hash}`)).status).toBe(404);
});
