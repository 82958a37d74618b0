import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { enterFolder } from "./folder";
import { resolveImage } from "./specs";

const base = Image.debianSlim("3.11");
const long = "x".repeat(65_000);
const tooLong =
  / this makes a line of 65\d{3} bytes, and BuildKit reads Dockerfile lines of up to 65000\. Make several/;

test.each<{ what: string; call: () => unknown }>([
  { what: "a value", call: () => base.env({ A: long }) },
  { what: "a command", call: () => base.runCommands(`echo ${long}`) },
  { what: "a line of a command", call: () => base.runCommands(`true\necho ${long}`) },
  { what: "an argument", call: () => base.cmd([long]) },
  {
    what: "a list of packages",
    call: () => base.pipInstall(Array.from({ length: 6350 }, (_, i) => `p${100_000 + i}`)),
  },
  { what: "a Dockerfile line", call: () => base.dockerfileCommands([`LABEL a=${long}`]) },
])("$what that makes a longer line than BuildKit reads is refused", ({ call }) => {
  expect(call).toThrow(tooLong);
});

test("what BuildKit still reads is taken, also many lines of it", () => {
  base
    .env({ A: "x".repeat(64_900) })
    .runCommands(Array.from({ length: 100 }, () => `true ${"x".repeat(1000)}`).join("\n"));
});

test("a command that Linux hands to no shell is refused, unless it is a script", () => {
  const lines = Array.from({ length: 140 }, () => `true ${"x".repeat(1000)}`).join("\n");
  expect(() => base.runCommands(lines)).toThrow(
    'a command of 140839 bytes is longer than what Linux hands to a shell, 131000. Begin it with "#!/bin/sh"',
  );
  base.runCommands(`#!/bin/sh\n${lines}`);
});

test("a destination that no file system takes is refused", () => {
  enterFolder({ file: "" });
  const copy = { strategy: "copy" } as const;
  const text = "has a part of 256 bytes, and file systems take up to 255.";
  expect(() => base.addLocalFile("file", `/srv/${"é".repeat(128)}`, copy)).toThrow(text);
  expect(() => base.workdir(`/${"a/".repeat(2100)}`)).toThrow("is 4200 bytes long, and Linux takes up to 4095.");
});

test("a name that means a removed file in a layer is refused", async () => {
  enterFolder({ "src/a/.wh.b": "", "src/a/b": "" });
  const text = 'part that begins with ".wh.", which in a layer means a removed file. Rename it.';
  expect(() => base.addLocalFile("src/a/b", "/srv/.wh.b", { strategy: "copy" })).toThrow(text);
  const image = base.addLocalDir("src", "/srv", { strategy: "copy" });
  await expect(resolveImage(image)).rejects.toThrow("a/.wh.b: in a layer this name means a removed file. Rename it.");
});

test("a local path that no file system takes is refused like one that does not exist", () => {
  enterFolder();
  expect(() => base.pipInstallFromRequirements("x".repeat(300))).toThrow("x does not exist (looked in");
});
