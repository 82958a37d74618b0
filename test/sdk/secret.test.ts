import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Image, Secret } from "../../sdk";
import { hashSpec } from "../../sdk/hash";
import { isSecret } from "../../sdk/secret";
import { errorOf, lineOf, sentencesOf } from "./errors";
import { resolveImage } from "./specs";

describe("Secret", () => {
  it("fromEnv is the variable of that name, in the RUN too", () => {
    expect(Secret.fromEnv("TOKEN")).toEqual({ id: "TOKEN", from: { kind: "env", name: "TOKEN" }, env: "TOKEN" });
  });

  it("fromFile is a file whose id is made of its name", () => {
    const from = (path: string) => ({ kind: "file", path });
    expect(Secret.fromFile("~/.netrc")).toEqual({ id: "netrc", from: from("~/.netrc") });
    expect(Secret.fromFile("keys/my key.pem")).toEqual({ id: "my-key.pem", from: from("keys/my key.pem") });
    expect(Secret.fromFile(join(process.cwd(), "a/b"))).toEqual({ id: "b", from: from("a/b") });
    expect(Secret.fromFile("a", { id: "x.y" }).id).toBe("x.y");
  });

  it("fromConfig is a file named as the key, or the variable that is asked for", () => {
    const from = { kind: "config", key: "pypiToken" };
    expect(Secret.fromConfig("pypiToken")).toEqual({ id: "pypiToken", from });
    expect(Secret.fromConfig("pypiToken", { env: "T", version: "2" })).toEqual({
      id: "pypiToken",
      from,
      env: "T",
      version: "2",
    });
    expect(Secret.fromConfig("github:token").id).toBe("token");
  });

  it("is frozen JSON that is recognised after a copy", () => {
    const secret = Secret.fromFile("~/.netrc");
    expect(Object.isFrozen(secret) && Object.isFrozen(secret.from)).toBe(true);
    expect(isSecret(JSON.parse(JSON.stringify(secret)))).toBe(true);
    expect([isSecret("TOKEN"), isSecret({ id: "x", from: "y" }), isSecret(undefined)]).toEqual([false, false, false]);
  });

  it.each<[string, () => unknown, string]>([
    [
      "a value for a name",
      () => Secret.fromEnv("ghp-s3cret"),
      'Secret.fromEnv(…): the variable is not a variable\'s name. Write "TOKEN". Give the name, never the value; what a secret is called is no secret.',
    ],
    [
      "an unset variable's value",
      () => Reflect.apply(Secret.fromEnv, Secret, [undefined]),
      'Secret.fromEnv(…): the variable is not a variable\'s name. Write "TOKEN". Give the name, never the value; what a secret is called is no secret.',
    ],
    [
      "a key with a space",
      () => Secret.fromConfig("a b"),
      'Secret.fromConfig(…): the key is not one of Pulumi\'s config. Write "pypiToken" or "namespace:key". Give the name, never the value; what a secret is called is no secret.',
    ],
    [
      "an id with a comma",
      () => Secret.fromFile("a", { id: "a,b" }),
      "Secret.fromFile(…): the id is not a word. Use letters, digits, _ . and -, at most 128, not . or - first, nor slipway-.",
    ],
    [
      "an unknown option",
      () => Reflect.apply(Secret.fromEnv, Secret, ["A", { env: "B" }]),
      "Secret.fromEnv(…): there is no option env. Known are id, version.",
    ],
  ])("refuses %s, and never shows what was given", (_, call, text) => {
    expect(sentencesOf(call)).toBe(text);
    expect(lineOf(errorOf(call))).not.toBe("");
  });
});

describe("the secrets of a step", () => {
  const token = Secret.fromEnv("TOKEN");
  const base = Image.debianSlim("3.11");

  it("are of every command of the call, in the order of their ids, each once", () => {
    const secrets = [token, Secret.fromFile("~/.netrc"), Secret.fromConfig("key"), Secret.fromEnv("TOKEN")];
    const { steps } = base.runCommands("a", "b", { secrets }).spec;
    const sorted = [token, Secret.fromConfig("key"), Secret.fromFile("~/.netrc")];
    expect(steps).toEqual(["a", "b"].map((command) => ({ kind: "run", command, secrets: sorted })));
  });

  it("are nothing where the list is empty", () => {
    expect(base.runCommands("a", { secrets: [] }).spec).toEqual(base.runCommands("a").spec);
    expect(base.pipInstall(["a"], { secrets: [] }).spec).toEqual(base.pipInstall(["a"]).spec);
  });

  it("count by id, variable and version, and never by where they come from", async () => {
    const hashOf = async (...secrets: readonly Secret[]) =>
      hashSpec(await resolveImage(base.runCommands("a", { secrets })));
    const hash = await hashOf(Secret.fromConfig("key"));
    expect(await hashOf(Secret.fromFile("somewhere", { id: "key" }))).toBe(hash);
    expect(await hashOf(Secret.fromConfig("other:key"))).toBe(hash);
    const others = [
      Secret.fromConfig("key", { version: "2" }),
      Secret.fromConfig("key", { env: "KEY" }),
      Secret.fromConfig("key", { id: "x" }),
    ];
    const hashes = [hash, await hashOf(), ...(await Promise.all(others.map((secret) => hashOf(secret))))];
    expect(new Set(hashes).size).toBe(5);
  });

  it.each<[string, () => unknown, string]>([
    [
      "a value",
      () => Reflect.apply(base.runCommands, base, ["a", { secrets: ["s3cret"] }]),
      'runCommands("a", …): secrets[0] is not a Secret. Write Secret.fromEnv("TOKEN"), .fromFile("…") or .fromConfig("…").',
    ],
    [
      "a misspelt option",
      () => Reflect.apply(base.runCommands, base, ["a", { secret: [] }]),
      'runCommands("a", …): there is no option secret. Known are secrets.',
    ],
    [
      "two of one id",
      () => base.runCommands("a", { secrets: [Secret.fromFile("a/t"), Secret.fromFile("b/t")] }),
      'runCommands("a", …): two secrets have the id t. Give one of them another one, by its options.',
    ],
    [
      "two of one variable",
      () => base.runCommands("a", { secrets: [token, Secret.fromConfig("t", { env: "TOKEN" })] }),
      'runCommands("a", …): two secrets have the variable TOKEN. Give one of them another one, by its options.',
    ],
    [
      "an id that an earlier step has from elsewhere",
      () => base.pipInstall(["a"], { secrets: [token] }).runCommands("a", { secrets: [Secret.fromFile("TOKEN")] }),
      'runCommands("a", …): the secret TOKEN is the file TOKEN, and in an earlier step the environment variable TOKEN. Give one of them another id, by its options.',
    ],
    [
      "an option of pip that names one",
      () => base.pipInstall(["a"], { extraOptions: ["--proxy=$TOKEN"], secrets: [token] }),
      "pipInstall([…], …): extraOptions[0] names a secret, and every process of the builder's machine could read it there. Use it in indexUrl, extraIndexUrls, findLinks or a package's URL.",
    ],
    [
      "a login of git",
      () => base.pipInstall(["a @ git+https://$TOKEN@i.example/a.git"], { secrets: [token] }),
      "pipInstall([…], …): packages[0] names a secret, and pip would give it to git as an argument, which every process there can read. Name a wheel or an archive of the project, or clone it in runCommands with a credential helper of git.",
    ],
    [
      "a part of a package's URL that pip keeps",
      () => base.pipInstall(["a @ https://i.example/$TOKEN/a.whl"], { secrets: [token] }),
      "pipInstall([…], …): packages[0] names a secret elsewhere than as a URL's user or password, and pip would write it into the image. Use it before the @ of the host, or in indexUrl.",
    ],
    [
      "a URL of pip that would be split",
      () => base.pipInstall(["a"], { indexUrl: "https://i.example/$TOKEN/a,b", secrets: [token] }),
      "pipInstall([…], …): indexUrl names a secret and has a space or a comma. Write them as %20 and %2C.",
    ],
  ])("may not be %s", (_, call, text) => {
    expect(sentencesOf(call)).toBe(text);
  });
});
