import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Secret } from "../../sdk";
import { isSecret } from "../../sdk/secret";
import { errorOf, lineOf, sentencesOf } from "./errors";

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
      "Secret.fromFile(…): the id is not a word. Use letters, digits, _ . and -, at most 128, not . or - first.",
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
