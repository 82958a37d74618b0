import { execFile } from "node:child_process";
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { Image } from "../../sdk";
import { hashSpec } from "../../sdk/hash";
import { makeFolder } from "./folder";
import { awkwardImage, resolveImage } from "./specs";

// What other tools' hashes confused, or took for a change.

const base = Image.debianSlim("3.11");

/** Fills a folder. */
type Fill = (folder: string) => void;

const write =
  (name: string, content: string | readonly number[], mode = 0o644): Fill =>
  (folder) => {
    writeFileSync(join(folder, name), typeof content === "string" ? content : Buffer.from(content));
    chmodSync(join(folder, name), mode);
  };

const makeDir =
  (name: string): Fill =>
  (folder) => {
    mkdirSync(join(folder, name));
  };

const makeLink =
  (name: string, target: string): Fill =>
  (folder) =>
    symlinkSync(target, join(folder, name));

const all =
  (...fills: readonly Fill[]): Fill =>
  (folder) =>
    fills.forEach((fill) => fill(folder));

const hashOf = async (image: Image, folder?: string) => hashSpec(await resolveImage(image, folder));

async function hashOfFolder(fill: Fill): Promise<string> {
  const folder = makeFolder();
  fill(folder);
  return hashOf(awkwardImage(folder), folder);
}

describe("different files have different hashes", () => {
  test.each<[string, Fill, Fill]>([
    ["exec bit", write("f", "x"), write("f", "x", 0o755)],
    ["LF and CRLF", write("f", "a\nb\n"), write("f", "a\r\nb\r\n")],
    ["with and without a line end", write("f", "a"), write("f", "a\n")],
    ["byte E8 and E9, neither of them UTF-8", write("f", [0xe8]), write("f", [0xe9])],
    ["a byte that is no UTF-8 and U+FFFD", write("f", [0xe8]), write("f", "\ufffd")],
    ["with and without a byte order mark", write("f", "a"), write("f", "\ufeffa")],
    ["with and without an empty folder", write("f", "x"), all(write("f", "x"), makeDir("d"))],
    ["with and without an empty file", write("f", "x"), all(write("f", "x"), write("g", ""))],
    ["a character moved from the name to the content", write("ab", "c"), write("a", "bc")],
    [
      "a character moved from one content to the next",
      all(write("f", "ab"), write("g", "c")),
      all(write("f", "a"), write("g", "bc")),
    ],
    ["contents exchanged", all(write("f", "1"), write("g", "2")), all(write("f", "2"), write("g", "1"))],
    ["a link and a file that holds its target", makeLink("f", "g"), write("f", "g")],
    [
      "a link and a copy of what it points to",
      all(write("g", "x"), makeLink("f", "g")),
      all(write("g", "x"), write("f", "x")),
    ],
    ["links to the same file by two texts", makeLink("f", "g"), makeLink("f", "./g")],
    ["an empty file and an empty folder", write("f", ""), makeDir("f")],
    ["names in other case", write("README", "x"), write("readme", "x")],
    ["a composed and a decomposed name", write("\u00e9", "x"), write("e\u0301", "x")],
    ["a slash and a backslash", all(makeDir("a"), write("a/b", "x")), all(makeDir("a"), write("a\\b", "x"))],
    [
      "moved to another folder",
      all(makeDir("a"), makeDir("b"), write("a/f", "")),
      all(makeDir("a"), makeDir("b"), write("b/f", "")),
    ],
  ])("%s", async (_, one, other) => {
    expect(await hashOfFolder(one)).not.toBe(await hashOfFolder(other));
  });
});

describe("different steps have different hashes", () => {
  test.each<[string, Image, Image]>([
    ["one package with a space and two packages", base.pipInstall(["a b"]), base.pipInstall(["a", "b"])],
    ["two packages in one step and in two", base.aptInstall(["a", "b"]), base.aptInstall(["a"]).aptInstall(["b"])],
    ["arguments divided at another place", base.cmd(["a b"]), base.cmd(["a", "b"])],
    ["packages in other order", base.pipInstall(["a", "b"]), base.pipInstall(["b", "a"])],
    ["a package by pip and by apt", base.pipInstall(["a"]), base.aptInstall(["a"])],
    ["pip and uv", base.pipInstall(["a"]), base.pipInstall(["a"], { installer: "uv" })],
    ["with and without pre-releases", base.pipInstall(["a"]), base.pipInstall(["a"], { pre: true })],
    ["values of two variables exchanged", base.env({ A: "1", B: "2" }), base.env({ A: "2", B: "1" })],
    ["a character moved from name to value", base.env({ AB: "C" }), base.env({ A: "BC" })],
    ["an empty variable and none", base.env({ A: "1", B: "" }), base.env({ A: "1" })],
    ["one env twice, in other order", base.env({ A: "1" }).env({ A: "2" }), base.env({ A: "2" }).env({ A: "1" })],
    ["entrypoint and command", base.entrypoint(["a"]), base.cmd(["a"])],
    ["no command and an empty one", base, base.cmd([])],
    ["one command on two lines and two commands", base.runCommands("a\nb"), base.runCommands("a", "b")],
    ["a blank at the end of a command", base.runCommands("a"), base.runCommands("a ")],
    ["commands in other order", base.runCommands("a", "b"), base.runCommands("b", "a")],
    ["shell and Dockerfile", base.runCommands("ls"), base.dockerfileCommands(["RUN ls"])],
    ["composed and decomposed", base.env({ A: "\u00e9" }), base.env({ A: "e\u0301" })],
    ["a line feed and its escape", base.cmd(["\n"]), base.cmd(["\\n"])],
    ["a character and one of the same low byte", base.env({ A: "B" }), base.env({ A: "ł" })],
  ])("%s", async (_, one, other) => {
    expect(await hashOf(one)).not.toBe(await hashOf(other));
  });
});

describe("the same image has the same hash", () => {
  const files = ["B", "a", "Z", "ä", "I", "ı", "_", "a-b", "10", "9"].map((name) => write(name, name));
  const fill = all(makeDir("d"), write("d/f", "x"), ...files);

  test.each<[string, Fill]>([
    ["in another folder", fill],
    ["written in other order", all(...files.toReversed(), makeDir("d"), write("d/f", "x"))],
    ["of another time", all(fill, (folder) => ["a", "d"].forEach((name) => utimesSync(join(folder, name), 1, 1)))],
    ["with other bits for group and others", all(fill, write("a", "a", 0o611))],
    ["in a folder of another mode", all(fill, (folder) => chmodSync(join(folder, "d"), 0o700))],
    ["with a file by two names", all(fill, (folder) => rmSync(join(folder, "a")), linkFromOutside("a", "a"))],
  ])("%s", async (_, other) => {
    expect(await hashOfFolder(other)).toBe(await hashOfFolder(fill));
  });

  test("written under another umask", async () => {
    expect(await hashOfFolder(underUmask(0o077, fill))).toBe(await hashOfFolder(underUmask(0o022, fill)));
  });

  test.skipIf(process.getuid?.() !== 0)("of another owner (only root can give files away)", async () => {
    const given = all(fill, (folder) => ["a", "d"].forEach((name) => chownSync(join(folder, name), 1234, 1234)));
    expect(await hashOfFolder(given)).toBe(await hashOfFolder(fill));
  });

  test("variables in other order", async () => {
    expect(await hashOf(base.env({ B: "2", A: "1" }))).toBe(await hashOf(base.env({ A: "1", B: "2" })));
  });

  test("options left out and given as what they are without", async () => {
    const options = { installer: "pip", pre: false, extraIndexUrls: [], findLinks: [], extraOptions: [] } as const;
    expect(await hashOf(base.pipInstall(["a"], options))).toBe(await hashOf(base.pipInstall(["a"])));
  });

  // Each process compiles the sdk anew.
  test("in other time zones and languages", { timeout: 60_000 }, async () => {
    const folder = makeFolder();
    fill(folder);
    const places = [
      { TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" },
      { TZ: "America/St_Johns", LANG: "sv_SE.ISO-8859-1", LC_ALL: "C" },
    ];
    const hashes = await Promise.all(places.map((place) => hashInProcess(folder, place)));
    expect(new Set([...hashes, await hashOf(awkwardImage(folder), folder)]).size).toBe(1);
  });
});

/** A second name of a file that also lies outside of the folder. */
function linkFromOutside(name: string, content: string): Fill {
  return (folder) => {
    const outside = makeFolder({ [name]: content });
    linkSync(join(outside, name), join(folder, name));
  };
}

function underUmask(umask: number, fill: Fill): Fill {
  return (folder) => {
    const before = process.umask(umask);
    try {
      fill(folder);
      writeFileSync(join(folder, "d/masked"), "the umask alone decides on its mode");
    } finally {
      process.umask(before);
    }
  };
}

/** The hash that a process of its own computes. */
async function hashInProcess(folder: string, env: Readonly<Record<string, string>>): Promise<string> {
  const jiti = require.resolve("jiti/package.json").replace("package.json", "lib/jiti-cli.mjs");
  const script = join(__dirname, "print-image-hash.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [jiti, script, folder], {
    env: { ...process.env, JITI_FS_CACHE: "false", ...env },
  });
  return stdout.trim();
}
