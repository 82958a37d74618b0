import { describe, expect, it } from "vitest";
import { Image } from "../../sdk/image";
import { errorOf, sentencesOf } from "./errors";

const base = Image.debianSlim("3.11");
const untyped =
  (options: object): (() => unknown) =>
  () =>
    Reflect.apply(base.pipInstall, base, [["a"], options]);
const credentialsHint =
  'Remove them. runCommands and pipInstall take { secrets: [Secret.fromEnv("TOKEN")] } and $TOKEN in their place.';
const localHint = 'Copy it with addLocalDir(…, { strategy: "copy" }) and install it with runCommands("pip install …").';

describe("pipInstall", () => {
  it("keeps specifiers as they are, and of the options what is no default", () => {
    const packages = ["pandas>=2.0", "x[y]==1; python_version < '3.12'", "a @ git+ssh://git@host.example/a.git"];
    const options = {
      indexUrl: "https://i.example",
      extraIndexUrls: [],
      pre: false,
      extraOptions: ["--no-deps"],
      installer: "uv",
    } as const;
    expect(base.pipInstall(packages, options).spec.steps).toEqual([
      { kind: "pip", packages, installer: "uv", indexUrl: "https://i.example", extraOptions: ["--no-deps"] },
    ]);
  });

  it.each<[string, string, string]>([
    ["", "is empty.", "Leave it out, or give it a value."],
    ["  ", "is empty.", "Leave it out, or give it a value."],
    [" a", '" a" has spaces around it.', "Remove them."],
    ["-e", '"-e" is an option.', "Give options in { extraOptions: […] }."],
    ["--pre", '"--pre" is an option.', "Give options in { extraOptions: […] }."],
    ["./lib", '"./lib" is a local path, which the build does not see.', localHint],
    ["a @ file:///lib", '"a @ file:///lib" is a local path, which the build does not see.', localHint],
    ["a\nb", "holds a line break or a NUL character.", "Give it on one line."],
    [
      "git+https://tok3n@host.example/a",
      "has a URL with credentials, which the image would show to everyone.",
      credentialsHint,
    ],
  ])("refuses the package %j", (name, found, hint) => {
    expect(sentencesOf(() => base.pipInstall(["ok", name]))).toBe(`pipInstall([…]): packages[1] ${found} ${hint}`);
  });

  it.each<[object, string]>([
    [
      { indexUrl: "https://u:s3cret@i.example" },
      `indexUrl has a URL with credentials, which the image would show to everyone. ${credentialsHint}`,
    ],
    [
      { extraOptions: ["--index-url=https://u:s3cret@i.example"] },
      `extraOptions[0] has a URL with credentials, which the image would show to everyone. ${credentialsHint}`,
    ],
    [{ installer: "conda" }, 'the installer is not one that is known. Write "pip" or "uv".'],
    [{ pre: "yes" }, "pre is not a boolean. Write true or false."],
    [
      { index: "x" },
      "there is no option index. Known are indexUrl, extraIndexUrls, findLinks, pre, extraOptions, installer, secrets.",
    ],
    [{ findLinks: "/wheels" }, "findLinks must be a list, it is a string. Write it in [ ]."],
  ])("refuses the options %j, and never shows a secret", (options, text) => {
    expect(sentencesOf(untyped(options))).toBe(`pipInstall([…], …): ${text}`);
    expect(JSON.stringify(errorOf(untyped(options)))).not.toContain("s3cret");
  });
});
