import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Image, Secret } from "../../sdk";
import { HttpServer } from "../fakes/http-server";
import { expectCode } from "../fakes/registry-contract";
import { findCanaries, imagePlaces, newCanary, readFiles, watchTraces, type Places } from "./canary";
import { servePrivateIndex } from "./private-index";
import { newFolder, newName, newRepository, publish, readImage, resolveImage } from "./real-parts";

const main = join(__dirname, "../../dist/cli/main.js");
const index = new HttpServer();

const copy = { strategy: "copy" } as const;

beforeEach(() => process.chdir(newFolder()));

const environment = newCanary("env");
const configured = newCanary("config");
const plain = newCanary("key");
/** What is to be found in the staged context, and so shows that it was looked through. */
const marker = newName();
const BASE = "python:3.11-slim-bookworm";
const file = newCanary("file");
const password = newCanary("netrc");
const canaries = [environment, configured, plain, file, password];
/** What the first step writes into the image: that it had each of the values. */
const proof = createHash("sha256").update([environment, configured, plain, file].join("|")).digest("hex");

/** Every channel and every source, as a file for the CLI. The name keeps what an earlier run built with other values away. */
const makeImages = (more: string) => `import { Image, Secret } from "slipway";
const token = Secret.fromEnv("CANARY");
const secrets = [
  token,
  Secret.fromFile("canary.txt"),
  Secret.fromFile("~/.netrc"),
  Secret.fromConfig("canaryToken", { env: "CONFIGURED" }),
  Secret.fromConfig("acme:key", { version: "2" }),
];
const again = { extraOptions: ["--force-reinstall"] };
export const small = Image.debianSlim("3.11")${more}
  .runCommands(
    ': ${newName()}; printf "%s|%s|%s|%s" "$CANARY" "$CONFIGURED" "$(cat /run/secrets/key)" "$(cat /run/secrets/canary.txt)" | sha256sum > /proof',
    "sleep 0.3",
    { secrets },
  );
export const api = small
  .pipInstall(["slipway-canary"], { indexUrl: "http://user:$CANARY@${index.host}/simple", secrets: [token] })
  .pipInstall(["slipway-canary"], { indexUrl: "http://${index.host}/simple", secrets: [Secret.fromFile("~/.netrc")], ...again })
  .pipInstall(["slipway-canary @ http://\${CANARY}@${index.host}/files/slipway_canary-1-py3-none-any.whl"], {
    secrets: [token],
    extraOptions: ["--force-reinstall", "--no-index"],
  })
  .user("1000")
  .runCommands("test -r /run/secrets/netrc", { secrets });
export const imported = Image.fromDockerfile("imported/Dockerfile", {
  target: "Runtime",
  secrets: [
    token,
    Secret.fromFile("imported/own.secret"),
    Secret.fromConfig("canaryToken"),
    Secret.fromConfig("acme:key"),
  ],
}).runCommands('test -n "$CANARY" && test -r /run/secrets/key', { secrets: [token, Secret.fromConfig("acme:key")] });
export const noisyImport = Image.fromDockerfile("imported/noisy.Dockerfile", {
  secrets: [token, Secret.fromConfig("canaryToken")],
});
export const noisy = Image.debianSlim("3.11")
  .runCommands('echo "$CANARY $CONFIGURED"; cat /run/secrets/*; exit 3', { secrets });
`;

/** Each source as a variable and as a file; a stage that only runs, and one that stays. */
const dockerfile = `FROM ${BASE} AS build
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=CANARY,env=CANARY \\
    --mount=type=secret,id=own.secret \\
    --mount=type=secret,id=canaryToken,env=CONFIGURED,required=true \\
    --mount=type=secret,id=key,target=/tmp/key,mode=0400 <<EOT
  : ${newName()}
  printf "%s|%s|%s|%s" "$CANARY" "$CONFIGURED" "$(cat /tmp/key)" "$(cat /run/secrets/own.secret)" | sha256sum > /proof
  sleep 0.3
EOT
FROM ${BASE} AS runtime
COPY --from=build /src /src
COPY --from=build /proof /proof
RUN --mount=type=secret,id=CANARY --mount=type=secret,id=own.secret,env=OWN --mount=type=secret,id=canaryToken \\
    test "$OWN" = "$(cat /run/secrets/CANARY /run/secrets/canaryToken)" || ls /run/secrets
`;
const noisyDockerfile = `FROM ${BASE}
RUN --mount=type=secret,id=CANARY,env=CANARY --mount=type=secret,id=canaryToken \\
    echo "$CANARY $(cat /run/secrets/canaryToken)"; exit 3
`;

/** A project with those images, and with the values of its secrets where they are looked for. */
function makeProject(more = "") {
  const project = newFolder();
  const [home, temporary] = [join(project, "home"), join(project, "temporary")];
  for (const folder of [home, temporary]) mkdirSync(folder);
  servePrivateIndex(index, [environment, password], project);
  writeFileSync(join(project, "package.json"), "{}");
  writeFileSync(join(project, "images.ts"), makeImages(more));
  writeFileSync(join(project, "canary.txt"), file);
  mkdirSync(join(project, "imported"));
  writeFileSync(join(project, "imported/Dockerfile"), dockerfile);
  writeFileSync(join(project, "imported/noisy.Dockerfile"), noisyDockerfile);
  writeFileSync(join(project, "imported/.dockerignore"), "*.secret\n");
  writeFileSync(join(project, "imported/own.secret"), file);
  writeFileSync(join(project, "imported/app.py"), marker);
  writeFileSync(join(home, ".netrc"), `machine 127.0.0.1 login user password ${password}\n`);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: home,
    DOCKER_CONFIG: process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"),
    TMPDIR: temporary,
    SLIPWAY_COMPRESSION: "gzip", // which Node 20 can read
    CANARY: environment,
    SLIPWAY_SECRET_CANARYTOKEN: configured,
    SLIPWAY_SECRET_ACME_KEY: plain,
  };
  return { project, temporary, env };
}

async function run(args: readonly string[], { project, env }: { project: string; env: NodeJS.ProcessEnv }) {
  const child = spawn(process.execPath, [main, ...args], { cwd: project, env });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  await once(child, "close");
  return { exitCode: child.exitCode, ...output };
}

/** Builds with the CLI and collects where a canary might be. */
async function buildEverywhere(name: string, made: ReturnType<typeof makeProject>) {
  const args = ["image", "build", `images.ts#${name}`, "--json", "--repository", newRepository()];
  const work = Promise.all([run(args, made), run(["image", "dockerfile", `images.ts#${name}`], made)]);
  const { result: runs, seen, files } = await watchTraces(work, made.temporary);
  const [result, dockerfile] = runs;
  const { ref }: { ref?: string } = result.exitCode === 0 ? JSON.parse(result.stdout) : {};
  const places: Places = {
    ...(ref === undefined ? {} : await imagePlaces(ref)),
    Dockerfile: [dockerfile.stdout],
    arguments: seen,
    log: [result.stdout, result.stderr],
    staged: files,
    temporary: readFiles(made.temporary),
  };
  return { result, ref, places };
}

describe("a canary in every secret", () => {
  test("reaches the steps, and is nowhere else", async () => {
    const { result, places } = await buildEverywhere("api", makeProject());
    expect(result.exitCode, result.stderr).toBe(0);
    expect(places["layers"]?.some((layer) => layer.includes(proof))).toBe(true);
    expect(places["arguments"]?.join("\n")).toContain("--secret");
    expect(findCanaries(canaries, places)).toEqual([]);
  });

  test("reaches an imported Dockerfile as a variable and as a file, and is not in the context that it is built from", async () => {
    const { result, places } = await buildEverywhere("imported", makeProject());
    expect(result.exitCode, result.stderr).toBe(0);
    expect(places["layers"]?.some((layer) => layer.includes(proof))).toBe(true);
    expect(places["layers"]?.some((layer) => layer.includes(marker))).toBe(true);
    expect(places["staged"]?.some((content) => content.includes(marker))).toBe(true);
    expect(places["Dockerfile"]?.join("\n")).toContain("--mount=type=secret,id=own.secret");
    expect(findCanaries(canaries, places)).toEqual([]);
  });

  test.each(["noisy", "noisyImport"])("is not shown when a step prints it and fails: %s", async (name) => {
    const { result, places } = await buildEverywhere(name, makeProject());
    expect(result.stderr).toContain("  | *** ***\n");
    expect(result.stderr).toContain("exit code 3");
    expect(findCanaries(canaries, places)).toEqual([]);
  });

  test("is found in a build that gives it as a build argument and leaves it in a file", async () => {
    const made = makeProject(`.dockerfileCommands(["ARG LEAK"])`);
    const bin = newFolder();
    const real = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "buildx"));
    const shim = `#!/bin/sh
for buildx in ${real.map((path) => `'${path}'`).join(" ")}; do [ -x "$buildx" ] && break; done
case "$1" in build) ;; *) exec "$buildx" "$@" ;; esac
echo "$CANARY" > "$TMPDIR/left"
echo "$CANARY" >&2
exec "$buildx" "$@" --build-arg LEAK="$CANARY"
`;
    writeFileSync(join(bin, "buildx"), shim);
    chmodSync(join(bin, "buildx"), 0o755);
    const env = { ...made.env, PATH: `${bin}${delimiter}${made.env["PATH"] ?? ""}` };
    const { result, places } = await buildEverywhere("small", { ...made, env });
    expect(result.exitCode, result.stderr).toBe(0);
    expect(findCanaries(canaries, places)).toEqual(["config: env", "arguments: env", "staged: env", "temporary: env"]);
  });

  test("is found in the context and the layers where no ignore rule leaves its file out", async () => {
    const made = makeProject();
    writeFileSync(join(made.project, "imported/.dockerignore"), "");
    const { result, places } = await buildEverywhere("imported", made);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(findCanaries(canaries, places)).toEqual(["layers: file", "staged: file"]);
  });

  test("is no part of what is hashed", async () => {
    writeFileSync("canary.txt", file);
    const secrets = [Secret.fromEnv("CANARY"), Secret.fromFile("canary.txt"), Secret.fromConfig("key")];
    const { specs } = await resolveImage(Image.debianSlim("3.11").runCommands("a", { secrets }));
    expect(findCanaries(canaries, { specs: [JSON.stringify(specs)] })).toEqual([]);
  });
});

describe("a secret that is missing", () => {
  test("is an error at the user's line before anything is built, with all that is missing", async () => {
    const made = makeProject();
    const { CANARY: _, SLIPWAY_SECRET_ACME_KEY: __, ...env } = made.env;
    const repository = newRepository();
    const { exitCode, stderr } = await run(["image", "build", "images.ts#api", "--repository", repository], {
      project: made.project,
      env: { ...env, SLIPWAY_BUILDER: "unix:///nowhere/buildkitd.sock", SLIPWAY_SECRET_CANARYTOKEN: "" },
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("secret CANARY: the environment variable CANARY is not set.");
    expect(stderr).toContain("secret canaryToken: the config key canaryToken is not set.");
    expect(stderr).toContain("Outside of Pulumi it is the environment variable SLIPWAY_SECRET_ACME_KEY.");
    expect(stderr).toMatch(/\n {4}at .*images\.ts:12:/);
    expect(readFiles(made.temporary)).toEqual([]);
  });

  test("is nothing to worry about where the repository has the image", async () => {
    const made = makeProject();
    const args = ["image", "build", "images.ts#small", "--repository", newRepository(), "--json"];
    expect((await run(args, made)).exitCode).toBe(0);
    const { CANARY: _, ...env } = made.env;
    expect(JSON.parse((await run(args, { ...made, env })).stdout)).toMatchObject({ reused: true });
  });
});

test("another value of a secret builds nothing again, another version does", async () => {
  const layerOf = async (value: string, version: string | undefined, name: string) => {
    const secret = Secret.fromEnv("CANARY", version === undefined ? {} : { version });
    const command = `: ${name}; cat /proc/sys/kernel/random/uuid > /random`;
    const image = Image.debianSlim("3.11").runCommands(command, { secrets: [secret] });
    const { ref, hash } = await publish(image, { env: { ...process.env, CANARY: value } });
    return { hash, layer: (await readImage(ref)).manifest.layers.at(-1)?.digest };
  };
  const name = newName();
  const first = await layerOf("one", undefined, name);
  expect(await layerOf("two", undefined, name)).toEqual(first);
  const second = await layerOf("two", "2", name);
  expect(second.hash).not.toBe(first.hash);
  expect(second.layer).not.toBe(first.layer);
});

describe("a company's CA bundle", () => {
  const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  const makeImage = () =>
    Image.debianSlim("3.11")
      .runCommands(`mkdir /made; echo ${name}`, "#!/bin/sh\necho two > /made/file")
      .dockerfileCommands(["RUN touch \\\n  /made/third", 'RUN ["touch", "/made/fourth"]'])
      .addLocalFile("file", "/srv/file", { strategy: "copy" });
  let name = "";
  beforeEach(() => {
    name = newName();
    writeFileSync("file", "content");
    writeFileSync("ca.pem", certificate);
  });

  test("leaves hash and digest as they are without it", async () => {
    const without = await publish(makeImage());
    const withBundle = await publish(makeImage(), { caBundle: "ca.pem" });
    expect(withBundle).toMatchObject({ hash: without.hash, digest: without.digest, reused: false });
  });

  test("leaves hash and digest of an imported Dockerfile as they are", async () => {
    const lines = [
      "# escape=`",
      `FROM ${BASE} AS build`,
      `RUN mkdir /made; echo ${name}`,
      "run `\n  # between\n  touch /made/second",
      'RUN --mount=type=cache,target=/c ["touch", "/made/third"]',
      "RUN <<EOT\nRUN=1\ntouch /made/fourth\nEOT",
      `FROM ${BASE}`,
      "ONBUILD RUN true",
      "COPY --from=build /made /made",
      "RUN touch /last",
    ];
    writeFileSync("Dockerfile", `${lines.join("\n")}\n`);
    const image = Image.fromDockerfile("Dockerfile").runCommands("id -u > /id").addLocalFile("file", "/srv/file", copy);
    const without = await publish(image);
    const withBundle = await publish(image, { caBundle: "ca.pem" });
    expect(withBundle).toMatchObject({ hash: without.hash, digest: without.digest, reused: false });
  });

  test.each<[string, (command: string) => string]>([
    ["continued, with mounts of its own", (command) => `RUN --mount=type=cache,target=/c \\\n  # and\n  ${command}`],
    ["in lower case and JSON", (command) => `run ["sh", "-c", ${JSON.stringify(command)}]`],
    ["a here-document", (command) => `RUN <<'EOT'\n${command}\nEOT`],
    ["after a SHELL", (command) => `SHELL ["/bin/bash", "-c"]\nRUN ${command}`],
  ])("is what a RUN of an imported Dockerfile trusts: %s", async (_, write) => {
    const command = `: ${name}; test "$SSL_CERT_FILE" = "$PIP_CERT" && cat "$SSL_CERT_FILE" "$APT_CONFIG"; exit 1`;
    writeFileSync("Dockerfile", `FROM ${BASE} AS one\nUSER 1000\n${write(command)}\nFROM one\nRUN true\n`);
    const image = Image.fromDockerfile("Dockerfile");
    const error = await expectCode(publish(image, { caBundle: "ca.pem" }), "BUILD_FAILED");
    expect(error.message).toContain("  | -----BEGIN CERTIFICATE-----\n  | MIIB\n");
    expect(error.message).toContain('  | Acquire::https::CAInfo "/run/slipway/ca.pem";\n');
  });

  test("is what steps trust while they run, of every kind and user", async () => {
    const check = 'test "$(sha256sum < "$SSL_CERT_FILE")" = "$(sha256sum < "$PIP_CERT")" && cat "$SSL_CERT_FILE"';
    const image = Image.debianSlim("3.11")
      .env({ SSL_CERT_FILE: "/nowhere" })
      .user("1000")
      .runCommands(`: ${name}; ${check}; cat "$APT_CONFIG"; exit 1`);
    const error = await expectCode(publish(image, { caBundle: "ca.pem" }), "BUILD_FAILED");
    expect(error.message).toContain("  | -----BEGIN CERTIFICATE-----\n  | MIIB\n");
    expect(error.message).toContain('  | Acquire::https::CAInfo "/run/slipway/ca.pem";\n');
  });

  test("may be given on the command line, relative to where it runs", async () => {
    const made = makeProject();
    const args = ["image", "build", "../images.ts#small", "--repository", newRepository(), "--ca-bundle", "no.pem"];
    const { exitCode, stderr } = await run(args, { ...made, project: made.temporary });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`CA bundle ${join(made.temporary, "no.pem")}: it cannot be read: ENOENT`);
  });

  test.each([
    ["missing.pem", "CA bundle missing.pem: it cannot be read: ENOENT"],
    ["file", "CA bundle file: it has no certificate ("],
  ])("that is none is an error: %s", async (caBundle, text) => {
    expect((await expectCode(publish(makeImage(), { caBundle }), "LOCAL_PATH")).message).toContain(text);
  });
});
