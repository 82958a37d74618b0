import { output, secret } from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { describeCall } from "../../sdk/arguments";
import { Image } from "../../sdk/image";
import { errorOf, lineOf, sentencesOf } from "./errors";

const base = Image.debianSlim("3.11");
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Calls as a program without types makes them. */
function untyped(method: keyof Image, ...args: readonly unknown[]): () => unknown {
  const found: unknown = Reflect.get(base, method);
  if (typeof found !== "function") throw new Error(`${method} is no method`);
  return () => Reflect.apply(found, base, args);
}

describe("a wrong argument", () => {
  it("is reported at the user's own line", () => {
    const error = errorOf(() => base.workdir("app")); // this line
    expect(error.callSite).toMatch(/test\/sdk\/arguments\.test\.ts:\d+:\d+$/);
    expect(lineOf(error)).toMatch(/\/\/ this line$/);
    expect(error.message).toBe(
      `workdir("app"): the path "app" is not absolute. Begin it with /, for example /app.\n    at ${error.callSite}`,
    );
  });

  it("is reported at the line of a static method's call", () => {
    expect(lineOf(errorOf(() => Image.base("A b")))).toContain('Image.base("A b")');
  });
});

describe("a Pulumi value where a plain one belongs", () => {
  const hint =
    "Build the Image inside .apply, where the value is plain: output.apply((value) => Image…). " +
    'A secret is never given as a value: runCommands and pipInstall take { secrets: [Secret.fromConfig("key")] }.';
  const calls: [string, () => unknown, string][] = [
    ["an Output", untyped("workdir", output("/app")), "workdir(an Output): the path is a Pulumi Output."],
    ["a secret", untyped("pipInstall", [secret("a")]), "pipInstall([…]): packages[0] is a Pulumi Output."],
    [
      "an Output of a list",
      untyped("aptInstall", output(["git"])),
      "aptInstall(an Output): packages is a Pulumi Output.",
    ],
    ["an Output of variables", untyped("env", output({ A: "1" })), "env(an Output): the argument is a Pulumi Output."],
    ["an Output as a value", untyped("env", { A: output("1") }), "env({…}): the value of A is a Pulumi Output."],
    [
      "an Output as options",
      untyped("pipInstall", ["a"], output({})),
      "pipInstall([…], …): the last argument is a Pulumi Output.",
    ],
    [
      "an Output as a path",
      untyped("addLocalFile", output("a"), "/a", { strategy: "copy" }),
      "addLocalFile(an Output, …): the path is a Pulumi Output.",
    ],
    [
      "an unknown",
      () => base.env({ A: unknown }),
      "env({…}): the value of A is the text that a Pulumi Output gives in a string.",
    ],
    [
      "an unknown within a text",
      () => base.cmd([`--host=${unknown}`]),
      "cmd([…]): args[0] is the text that a Pulumi Output gives in a string.",
    ],
  ];
  it.each(calls)("is refused: %s", (_, call, text) => {
    expect(sentencesOf(call)).toBe(`${text} ${hint}`);
    expect(errorOf(call).code).toBe("OUTPUT_AS_ARGUMENT");
  });

  it("is refused: the text of an Output in a template", () => {
    const value: unknown = output("x");
    const text = String(value);
    expect(text).toContain("Calling [toString]");
    for (const call of [() => base.runCommands(`echo ${text}`), () => Image.base(text), () => Image.debianSlim(text)]) {
      expect(errorOf(call).code).toBe("OUTPUT_AS_ARGUMENT");
      expect(errorOf(call).hint).toBe(hint);
    }
  });
});

describe("a text", () => {
  it.each<[string, () => unknown, string]>([
    [
      "of several lines",
      () => base.env({ A: "a\nb" }),
      "env({…}): the value of A holds a line break or a NUL character. Give it on one line.",
    ],
    [
      "with NUL",
      () => base.workdir("/a\0"),
      'workdir("/a\\u0000"): the path holds a line break or a NUL character. Give it on one line.',
    ],
    [
      "with half a pair",
      () => base.env({ A: "\ud83d" }),
      "env({…}): the value of A holds half of a UTF-16 pair. Give text that UTF-8 can hold.",
    ],
    [
      "that is a number",
      untyped("workdir", 5),
      "workdir(the number 5): the path must be a string, it is the number 5. Give plain text.",
    ],
    [
      "that is missing",
      untyped("workdir"),
      "workdir(undefined): the path must be a string, it is undefined. Give plain text.",
    ],
    [
      "that is no list",
      untyped("pipInstall", "requests"),
      'pipInstall("requests"): packages must be a list, it is a string. Write it in [ ].',
    ],
  ])("%s is refused", (_, call, text) => {
    expect(sentencesOf(call)).toBe(text);
  });
});

describe("a destination", () => {
  it.each<[string, string]>([
    ["app", 'workdir("app"): the path "app" is not absolute. Begin it with /, for example /app.'],
    ["../app", 'workdir("../app"): the path "../app" is not absolute. Begin it with /, for example /app.'],
    ["/app/../x", 'workdir("/app/../x"): the path "/app/../x" goes up with "..". Write the path that it leads to.'],
    ["", 'workdir(""): the path "" is not absolute. Begin it with /, for example /app.'],
  ])("%j is refused", (path, text) => {
    expect(sentencesOf(() => base.workdir(path))).toBe(text);
  });
});

describe("describeCall", () => {
  it("shortens a long argument", () => {
    expect(describeCall("workdir", "x".repeat(100))).toBe(`workdir("${"x".repeat(56)}…)`);
  });

  it("never shows credentials in a URL, not even the beginning of one that is cut", () => {
    const password = "p".repeat(80);
    expect(describeCall("base", `https://user:${password}@host.example/x`)).toBe('base("https://…@host.example/x")');
    expect(describeCall("addLocalFile", new URL(`https://user:${password}@host.example/x`), true)).toBe(
      'addLocalFile("https://…@host.example/x", …)',
    );
  });

  it("never shows what a list or an object holds", () => {
    expect([describeCall("env", { A: "s3cret" }), describeCall("cmd", ["s3cret"])]).toEqual(["env({…})", "cmd([…])"]);
  });
});
