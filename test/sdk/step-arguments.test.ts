import { describe, expect, it } from "vitest";
import { Image } from "../../sdk/image";
import { sentencesOf } from "./errors";

const base = Image.debianSlim("3.11");

describe("a step's arguments", () => {
  it.each<[string, () => unknown, string]>([
    [
      "an env name with =",
      () => base.env({ "A=B": "1" }),
      'env({…}): "A=B" is not a variable\'s name. Use letters, digits and _, not a digit first.',
    ],
    [
      "an env name with a line break",
      () => base.env({ "A\nB": "1" }),
      'env({…}): "A\\nB" is not a variable\'s name. Use letters, digits and _, not a digit first.',
    ],
    [
      "an env name with a digit first",
      () => base.env({ "1A": "1" }),
      'env({…}): "1A" is not a variable\'s name. Use letters, digits and _, not a digit first.',
    ],
    [
      "an empty command",
      () => base.runCommands("make", " "),
      'runCommands("make", …): command 2 is empty. Leave it out.',
    ],
    [
      "a command with \\r",
      () => base.runCommands("a\r\nb"),
      'runCommands("a\\r\\nb"): command 1 holds a NUL or a carriage return. Give it with \\n as line breaks: a shell takes \\r for text.',
    ],
    [
      "a command that a backslash ends",
      () => base.runCommands("make \\\n  all \\"),
      'runCommands("make \\\\\\n  all \\\\"): command 1 ends in a backslash, with no line to continue on. Remove it, or give what follows it.',
    ],
    [
      "an apt option",
      () => base.aptInstall(["-y"]),
      'aptInstall([…]): packages[0] "-y" is not a package name. Write "git" or "git=1:2.39.5-0+deb12u1".',
    ],
    [
      "an apt name with a space",
      () => base.aptInstall(["git curl"]),
      'aptInstall([…]): packages[0] "git curl" is not a package name. Write "git" or "git=1:2.39.5-0+deb12u1".',
    ],
    [
      "a user with a space",
      () => base.user("a b"),
      'user("a b"): "a b" is not a user. Write a name or an id, for example "worker" or "1000:1000".',
    ],
    ["an empty user", () => base.user(""), 'user(""): the user is empty. Leave it out, or give it a value.'],
    [
      "a NUL in an argument",
      () => base.cmd(["a", "\0"]),
      "cmd([…]): args[1] holds a NUL character. No program can be given one.",
    ],
    [
      "FROM",
      () => base.dockerfileCommands(["FROM x"]),
      "dockerfileCommands([…]): commands[0] has FROM. An image has one base: give it to Image.base(…).",
    ],
    [
      "Python 3",
      () => Image.debianSlim("3"),
      'debianSlim("3"): "3" is not a Python version. Write "3.11" or "3.11.9".',
    ],
    [
      "Python 3.1x",
      () => Image.debianSlim("3.1x"),
      'debianSlim("3.1x"): "3.1x" is not a Python version. Write "3.11" or "3.11.9".',
    ],
    [
      "a number as Python's version",
      () => Reflect.apply(Image.debianSlim, Image, [3.1]),
      'debianSlim(the number 3.1): the Python version is a number. Write it as a string: as a number, "3.10" would be 3.1.',
    ],
    [
      "a malformed base",
      () => Image.base("python:3.11:x"),
      'base("python:3.11:x"): image reference "python:3.11:x": "3.11:x" is not a tag. Write [host/]path[:tag][@sha256:…], for example python:3.11-slim.',
    ],
    [
      "a base that is a URL with credentials",
      () => Image.base("https://user:s3cret@host.example/x"),
      'base("https://…@host.example/x"): the reference has a URL with credentials, which the image would show to everyone. Remove them. runCommands and pipInstall take { secrets: [Secret.fromEnv("TOKEN")] } and $TOKEN in their place.',
    ],
  ])("%s is refused", (_, call, text) => {
    expect(sentencesOf(call)).toBe(text);
  });

  it("accepts Debian's names, versions, architectures and releases", () => {
    const packages = [
      "git",
      "libstdc++6",
      "gcc:arm64",
      "curl=7.88.1-10+deb12u8",
      "a=1:2.0~rc1",
      "x/bookworm-backports",
    ];
    expect(base.aptInstall(packages).spec.steps).toEqual([{ kind: "apt", packages }]);
  });
});
