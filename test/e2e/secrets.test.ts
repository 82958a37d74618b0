import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { findCanaries, imagePlaces, newCanary, readFiles, watchTraces } from "../integration/canary";
import { fetchStored, newWord, startTestRegistry, type TestRegistry } from "./registry";
import { IMPORTS, makeStack, makeTemporaryFolder, pulumi, readState, type Stack } from "./stack";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

const environment = newCanary("env");
const encrypted = newCanary("config");
const other = newCanary("other");
const file = newCanary("file");
const canaries = [environment, encrypted, other, file];

const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const makeProgram = (command: string, more = "") => `${IMPORTS.trimEnd()} import { Secret } from "slipway";
const image = Image.debianSlim("3.11")
  .runCommands(
    'set -e; ${command}',
    {
      secrets: [
        Secret.fromEnv("CANARY"),
        Secret.fromFile("~/canary.txt"),
        Secret.fromConfig("encrypted", { env: "ENCRYPTED" }),
        Secret.fromConfig("acme:other"),
      ],
    },
  );
const api = new BuiltImage("api", { image, builder: { caBundle: "ca.pem" } });
export const [uri, ref] = [api.uri, api.ref];
${more}
`;

/** A stack whose secrets are all set, and the environment that sets them. */
async function makeSecretStack(files: Readonly<Record<string, string>>) {
  const home = makeTemporaryFolder();
  const temporary = join(home, "temporary");
  mkdirSync(temporary);
  writeFileSync(join(home, "canary.txt"), file);
  const { DOCKER_CONFIG = join(process.env["HOME"] ?? "", ".docker") } = process.env;
  const env = {
    ...registry.env,
    HOME: home,
    PULUMI_HOME: join(home, "pulumi"),
    DOCKER_CONFIG,
    TMPDIR: temporary,
    SLIPWAY_COMPRESSION: "gzip", // which Node 20 can read
  };
  const stack = await makeStack({ "ca.pem": certificate, ...files }, env);
  setConfig(stack, "encrypted", encrypted);
  setConfig(stack, "acme:other", other);
  return { stack, temporary, env: { CANARY: environment } };
}

function setConfig(stack: Stack, key: string, value: string): void {
  const args = ["config", "set", "--secret", "--stack", "dev", key];
  execFileSync("pulumi", args, {
    cwd: stack.folder,
    env: stack.env,
    input: value,
    stdio: ["pipe", "ignore", "inherit"],
  });
}

const checking =
  'printf "%s|%s|%s|%s" "$CANARY" "$ENCRYPTED" "$(cat /run/secrets/canary.txt)" "$(cat /run/secrets/other)" | sha256sum > /proof; ' +
  'test -s "$SSL_CERT_FILE"; sleep 0.3; echo ';

/** A second image, of a Dockerfile. */
const importing = `
const secrets = [
  Secret.fromEnv("CANARY"),
  Secret.fromFile("imported/own.secret"),
  Secret.fromConfig("encrypted"),
  Secret.fromConfig("acme:other"),
];
const runtime = Image.fromDockerfile("imported/Dockerfile", { target: "runtime", secrets });
export const imported = new BuiltImage("imported", { image: runtime, builder: { caBundle: "ca.pem" } }).ref;
`;

test("secrets of every source reach a build and an imported Dockerfile, and leave no trace in state, image, arguments, staged files, logs and files", async () => {
  const marker = newWord();
  const dockerfile = `FROM python:3.11-slim-bookworm AS runtime
COPY . /srv
RUN --mount=type=secret,id=CANARY,env=CANARY --mount=type=secret,id=encrypted,env=ENCRYPTED \\
    --mount=type=secret,id=own.secret --mount=type=secret,id=other \\
    printf "%s|%s|%s|%s" "$CANARY" "$ENCRYPTED" "$(cat /run/secrets/own.secret)" "$(cat /run/secrets/other)" | sha256sum > /proof; \\
    test -s "$SSL_CERT_FILE"; sleep 0.3; echo ${newWord()}
FROM runtime
RUN false
`;
  const { stack, temporary, env } = await makeSecretStack({
    "index.ts": makeProgram(`${checking}${newWord()}`, importing),
    "imported/Dockerfile": dockerfile,
    "imported/.dockerignore": "*.secret\n",
    "imported/app.py": marker,
  });
  writeFileSync(join(stack.folder, "imported/own.secret"), file);
  const { result: up, seen, files } = await watchTraces(pulumi(stack, "up", { env }), temporary);
  expect(up.exitCode, up.text).toBe(0);
  rmSync(join(stack.folder, "imported/own.secret"));
  const expected = createHash("sha256").update([environment, encrypted, file, other].join("|")).digest("hex");
  const places = {
    arguments: seen,
    log: [up.text],
    stack: readFiles(stack.folder),
    staged: files,
    temporary: readFiles(temporary),
  };
  for (const name of ["ref", "imported"]) {
    const image = await imagePlaces(String(up.outputs[name]));
    expect(image["layers"]?.some((layer) => layer.includes(expected))).toBe(true);
    expect(findCanaries(canaries, { ...image, ...places })).toEqual([]);
  }
  expect(files.some((content) => content.includes(marker))).toBe(true);
  const { api, imported } = readState(stack);
  expect(JSON.stringify([api, imported])).not.toContain(stack.folder);

  const again = await pulumi(stack, "up", { env: { CANARY: "" } });
  expect(again.changes, again.text).toEqual({ same: 3 });
});

describe("in a stack in which nothing is built", () => {
  let stack: Stack;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    ({ stack, env } = await makeSecretStack({}));
  });

  test("what a step prints is shown without its secrets", async () => {
    const program = makeProgram(`echo "$CANARY and $ENCRYPTED" $(cat /run/secrets/*) ${newWord()}; exit 3`);
    writeFileSync(join(stack.folder, "index.ts"), program);
    const { exitCode, text, lines } = await pulumi(stack, "up", { env });
    expect(exitCode).not.toBe(0);
    expect(lines["api"]?.join("\n")).toMatch(/ {2}\| (\*\*\*|\[secret\]) and (\*\*\*|\[secret\])/);
    expect(findCanaries(canaries, { text: [text], stack: readFiles(stack.folder) })).toEqual([]);
  });

  test("an Image that comes from a secret Output is refused with the hint to use a Secret", async () => {
    const program = `${IMPORTS}
const token = new pulumi.Config().requireSecret("encrypted");
const image = token.apply((value) => Image.debianSlim("3.11").env({ TOKEN: value }));
new BuiltImage("api", { image });
`;
    writeFileSync(join(stack.folder, "index.ts"), program);
    const preview = await pulumi(stack, "preview");
    expect(preview.exitCode).not.toBe(0);
    expect(preview.lines["api"]).toEqual([
      expect.stringMatching(
        /^error: new BuiltImage\("api", …\): the image comes from a secret Output, .*Secret\.fromConfig\("key"\).*\n {4}at .*index\.ts:5:/s,
      ),
    ]);
    expect(findCanaries(canaries, { text: [preview.text] })).toEqual([]);
  });

  test("a preview without the secrets warns, and an update without them builds nothing", async () => {
    writeFileSync(join(stack.folder, "index.ts"), makeProgram(`${checking}${newWord()}`));
    execFileSync("pulumi", ["config", "rm", "--stack", "dev", "encrypted"], { cwd: stack.folder, env: stack.env });
    const missing =
      "secret CANARY: the environment variable CANARY is not set. secret encrypted: the config key encrypted is not set.";
    const preview = await pulumi(stack, "preview");
    expect(preview.exitCode, preview.text).toBe(0);
    expect(preview.lines["api"]?.join("\n")).toContain(`warning: an update from here would fail: ${missing}`);
    const up = await pulumi(stack, "up");
    expect(up.exitCode).not.toBe(0);
    expect(up.lines["api"]?.join("\n")).toContain(`error: ${missing}`);
    expect(up.lines["api"]?.join("\n")).toContain("pulumi config set --secret encrypted");
    expect(up.lines["api"]?.join("\n")).toMatch(/at .*index\.ts:3:/);
    expect(readState(stack)["api"]).toBeUndefined();
    expect(await fetchStored(String(preview.inputs["api"]?.["uri"]))).toBeUndefined();
  });
});
