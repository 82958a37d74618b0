import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dockerCredentials, type Credentials } from "../../provider/credentials";
import { expectCode } from "../fakes/registry-contract";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-credentials-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = (): NodeJS.ProcessEnv => ({
  DOCKER_CONFIG: folder,
  PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`,
});

function find(host: string, config: object): Promise<Credentials | undefined> {
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return dockerCredentials(env())(host);
}

const encode = (text: string): string => Buffer.from(text).toString("base64");
const login = (username: string, password: string): Credentials => ({ kind: "password", username, password });

/** A credential helper that answers for one host, notes what it was asked, and else fails as the real ones do. */
function writeHelper(name: string, host: string, answer: object): string {
  const asked = join(folder, `asked-${name}`);
  const file = join(folder, `docker-credential-${name}`);
  const script = [
    `#!/bin/sh`,
    `read -r host`,
    `printf '%s %s' "$1" "$host" > '${asked}'`,
    `if [ "$host" = '${host}' ]; then printf '%s' '${JSON.stringify(answer)}'; exit 0; fi`,
    `echo 'credentials not found in native keychain'; exit 1`,
  ].join("\n");
  writeFileSync(file, `${script}\n`);
  chmodSync(file, 0o755);
  return asked;
}

test("without a Docker configuration there are no credentials", async () => {
  expect(await dockerCredentials(env())("ghcr.io")).toBeUndefined();
});

test("a login of auths is found by its host, and by none else", async () => {
  const config = { auths: { "ghcr.io": { auth: encode("me:pass") } } };
  expect(await find("ghcr.io", config)).toEqual(login("me", "pass"));
  expect(await find("ghcr.io.example", config)).toBeUndefined();
});

test.each([
  "https://registry.example",
  "http://registry.example",
  "https://registry.example/v1/",
  "https://registry.example/v2/",
])("a login that is kept as %s is the host's", async (name) => {
  expect(await find("registry.example", { auths: { [name]: { auth: encode("me:pass") } } })).toEqual(
    login("me", "pass"),
  );
});

test("Docker Hub's login is found under the address of its first registry", async () => {
  const config = { auths: { "https://index.docker.io/v1/": { auth: encode("me:pass") } } };
  expect(await find("docker.io", config)).toEqual(login("me", "pass"));
});

test("a password may hold colons, and be written in clear", async () => {
  expect(await find("a.example", { auths: { "a.example": { auth: encode("me:a:b:c") } } })).toEqual(
    login("me", "a:b:c"),
  );
  const clear = { username: "me", password: "ü:$" };
  expect(await find("a.example", { auths: { "a.example": clear } })).toEqual(login("me", "ü:$"));
});

test("an identity token goes before a password", async () => {
  const auth = { auth: encode("me:pass"), identitytoken: "refresh" };
  expect(await find("a.example", { auths: { "a.example": auth } })).toEqual({
    kind: "identityToken",
    token: "refresh",
  });
});

test.each([[{}], [{ auth: "" }], [{ auth: encode("no-colon") }], [null]])(
  "an entry of auths that says nothing is none: %j",
  async (entry) => {
    expect(await find("a.example", { auths: { "a.example": entry } })).toBeUndefined();
  },
);

test("the helper of a host is asked for it, and goes before auths", async () => {
  const asked = writeHelper("one", "a.example", { ServerURL: "a.example", Username: "me", Secret: "from-helper" });
  const config = { credHelpers: { "a.example": "one" }, auths: { "a.example": { auth: encode("me:old") } } };
  expect(await find("a.example", config)).toEqual(login("me", "from-helper"));
  expect(readFileSync(asked, "utf8")).toBe("get a.example");
});

test("a helper's token is an identity token", async () => {
  writeHelper("one", "a.example", { Username: "<token>", Secret: "refresh" });
  const config = { credHelpers: { "a.example": "one" } };
  expect(await find("a.example", config)).toEqual({ kind: "identityToken", token: "refresh" });
});

test("the store is asked for hosts without a helper of their own", async () => {
  const asked = writeHelper("store", "b.example", { Username: "me", Secret: "stored" });
  writeHelper("one", "a.example", { Username: "me", Secret: "helped" });
  const config = { credHelpers: { "a.example": "one" }, credsStore: "store" };
  expect(await find("b.example", config)).toEqual(login("me", "stored"));
  expect(readFileSync(asked, "utf8")).toBe("get b.example");
  expect(await find("a.example", config)).toEqual(login("me", "helped"));
});

test("the store keeps Docker Hub's login under the address of its first registry", async () => {
  const asked = writeHelper("store", "https://index.docker.io/v1/", { Username: "me", Secret: "stored" });
  expect(await find("docker.io", { credsStore: "store" })).toEqual(login("me", "stored"));
  expect(readFileSync(asked, "utf8")).toBe("get https://index.docker.io/v1/");
});

test("what the store does not have may be in auths", async () => {
  writeHelper("store", "other.example", { Username: "x", Secret: "y" });
  const config = { credsStore: "store", auths: { "a.example": { auth: encode("me:pass") } } };
  expect(await find("a.example", config)).toEqual(login("me", "pass"));
});

test("a helper that is missing or talks nonsense is no login", async () => {
  expect(await find("a.example", { credHelpers: { "a.example": "not-installed" } })).toBeUndefined();
  writeFileSync(join(folder, "docker-credential-odd"), "#!/bin/sh\necho hello\n");
  chmodSync(join(folder, "docker-credential-odd"), 0o755);
  expect(await find("a.example", { credHelpers: { "a.example": "odd" } })).toBeUndefined();
});

test("a login that is made during a run counts at once", async () => {
  const findCredentials = dockerCredentials(env());
  expect(await findCredentials("a.example")).toBeUndefined();
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { "a.example": { auth: encode("me:new") } } }));
  expect(await findCredentials("a.example")).toEqual(login("me", "new"));
});

test.each(["{", '{"auths":{"a.example":{"auth":5}}}', '"text"'])(
  "a broken configuration is an error that names the file and shows nothing of it: %s",
  async (text) => {
    writeFileSync(join(folder, "config.json"), text);
    const error = await expectCode(dockerCredentials(env())("a.example"), "REGISTRY_DENIED");
    const hint = "Mend it, or move it away and run docker login again.";
    expect(error.message).toBe(`${join(folder, "config.json")}: it is not a Docker configuration. ${hint}`);
  },
);
