import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSecrets, type SecretPlaces } from "../../provider/secret-store";
import { Image, Secret } from "../../sdk";
import { expectCode } from "../fakes/registry-contract";
import { noSecrets } from "../fakes/secret-places";

const root = mkdtempSync(join(tmpdir(), "slipway-secrets-"));
const before = process.cwd();
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true, force: true });
});
const [folder, home] = [join(root, "program"), join(root, "home")];
for (const made of [folder, home, join(folder, "keys")]) mkdirSync(made);
writeFileSync(join(home, ".netrc"), "login");
writeFileSync(join(folder, "keys", "a"), "key");
writeFileSync(join(folder, "empty"), "");

const places: SecretPlaces = {
  ...noSecrets,
  folder,
  home,
  env: { TOKEN: "token", EMPTY: "" },
  readConfig: (key) => (key === "acme:key" ? "configured" : undefined),
};

const read = (...secrets: readonly Secret[]) => {
  const { spec, callSites } = Image.debianSlim().workdir("/a").runCommands("a", "b", { secrets });
  return readSecrets(spec, callSites, places);
};

test("each secret is read once, from where it says", () => {
  process.chdir(folder);
  const netrc = Secret.fromFile("~/.netrc");
  const key = Secret.fromFile(join(folder, "keys", "a"), { version: "2" });
  expect(read(Secret.fromEnv("TOKEN"), netrc, key, Secret.fromConfig("acme:key"))).toEqual([
    { id: "TOKEN", value: "token", path: undefined },
    { id: "a@2", value: "key", path: join(folder, "keys", "a") },
    { id: "key", value: "configured", path: undefined },
    { id: "netrc", value: "login", path: join(home, ".netrc") },
  ]);
});

const variable = "the environment variable";

test.each<[string, () => Secret, string]>([
  ["a variable", () => Secret.fromEnv("NOT_THERE"), `secret NOT_THERE: ${variable} NOT_THERE is not set.`],
  ["a value", () => Secret.fromEnv("EMPTY"), `secret EMPTY: ${variable} EMPTY is empty.`],
  ["a key", () => Secret.fromConfig("token"), "secret token: the config key token is not set. Set token."],
  ["a file", () => Secret.fromFile("~/no"), `the file ~/no does not exist (looked for ${join(home, "no")}).`],
  ["a folder's file", () => Secret.fromFile("keys"), `the file keys is no file (${join(folder, "keys")}).`],
  ["content", () => Secret.fromFile("empty"), `the file empty is empty (${join(folder, "empty")}).`],
])("without %s it is an error at the user's line", async (_, make, text) => {
  process.chdir(folder);
  const error = await expectCode(
    Promise.resolve().then(() => read(make())),
    "SECRET_MISSING",
  );
  expect(error.message).toContain(text);
  expect(error.callSite).toMatch(/secret-store\.test\.ts:\d+:\d+$/);
});
