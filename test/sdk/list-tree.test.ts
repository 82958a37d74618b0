import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { hashTree } from "../../sdk/files";
import { listFiles, listTree } from "../../sdk/list-tree";
import { Selection } from "../../sdk/selection";
import { rejectionOf } from "./errors";
import { makeFolder } from "./folder";

const sentences = async (folder: string): Promise<string> => (await rejectionOf(listTree(folder))).message;

describe("listTree", () => {
  it("lists folders, files and links in the order of their paths' UTF-8 bytes", async () => {
    // U+FF21 comes before U+1F422 in UTF-8, and after its first half in UTF-16.
    const folder = makeFolder({ "a/b": "", "a-b": "", "\uff21": "", "\u{1f422}": "", Z: "" });
    symlinkSync("a/b", join(folder, "l"));
    expect((await listTree(folder)).map(({ type, path }) => `${type} ${path}`)).toEqual([
      "file Z",
      "dir a",
      "file a-b",
      "file a/b",
      "link l",
      "file \uff21",
      "file \u{1f422}",
    ]);
  });

  it("lists in one order what it reads in another, also where it is too much to sort at once", async () => {
    const folder = makeFolder();
    const names = Array.from(
      { length: 21_000 },
      (_, index) => `${(index * 7919) % 21_000}${index % 3 === 0 ? "-" : ""}`,
    );
    for (const name of names.slice(0, 20_990)) writeFileSync(join(folder, name), "");
    for (const name of names.slice(20_990)) mkdirSync(join(folder, name, "d"), { recursive: true });
    const paths = [...names, ...names.slice(20_990).map((name) => `${name}/d`)].sort();
    expect((await listTree(folder)).map(({ path }) => path)).toEqual(paths);
  });

  it.runIf(process.platform !== "win32")(
    "keeps a link whose target has a backslash, a letter like any other",
    async () => {
      const folder = makeFolder({});
      symlinkSync("\\n\\..\\x", join(folder, "l"));
      expect(await listTree(folder)).toEqual([{ type: "link", path: "l", target: "\\n\\..\\x" }]);
    },
  );

  it.each(["../out", "..", "a/../../out", "/etc/passwd"])(
    "refuses a link to %s, which leaves the folder",
    async (target) => {
      const folder = makeFolder({ "d/": "" });
      symlinkSync(target, join(folder, "l"));
      expect(await sentences(folder)).toBe(
        `l: it is a link to ${target}, outside of the folder. Make it a link inside the folder, or a copy.`,
      );
    },
  );

  it("accepts links within the folder, upwards, to what is not there, and around in a loop", async () => {
    const folder = makeFolder({ "d/e/": "", f: "" });
    symlinkSync("../../f", join(folder, "d/e/up"));
    symlinkSync("missing", join(folder, "dangling"));
    symlinkSync("loop", join(folder, "loop"));
    expect((await listTree(folder)).filter(({ type }) => type === "link")).toHaveLength(3);
  });

  it.each([
    { links: { b: "d/e", a: "b/../../x" }, leaves: undefined },
    { links: { "d/up": "..", a: "d/up/../x" }, leaves: "a" },
    { links: { "d/b": "e/..", "d/a": "b/../../x" }, leaves: "d/a" },
    { links: { a: "b/..", b: "c/..", c: "d" }, leaves: "a" },
  ])("follows other links on a link's way, as a kernel does: $links", async ({ links, leaves }) => {
    const folder = makeFolder({ "d/e/": "" });
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
    if (leaves === undefined) expect(await listTree(folder)).toHaveLength(4);
    else expect(await sentences(folder)).toMatch(new RegExp(`^${leaves}: it is a link to .*, outside of the folder`));
  });

  it.each([
    ["Read.me", "READ.me"],
    ["d/é", "d/e\u0301"],
    ["Dir/a", "dir/b"],
  ])("refuses %s beside %s", async (a, b) => {
    const folder = makeFolder({ [a]: "", [b]: "" });
    expect(await sentences(folder)).toMatch(
      /^\S+: it is the same name as \S+ on file systems that ignore case\. Rename one of them\.$/,
    );
  });

  it("refuses a name that is not UTF-8", async () => {
    const folder = makeFolder();
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/x`), Buffer.from([0xff])]), "");
    expect(await sentences(folder)).toBe("x\ufffd: its name is not UTF-8. Rename it.");
  });

  it("refuses a link to a name that is not UTF-8", async () => {
    const folder = makeFolder();
    symlinkSync(Buffer.from([0x78, 0xff]), join(folder, "l"));
    expect(await sentences(folder)).toBe("l: it is a link to a name that is not UTF-8. Rename what it leads to.");
  });

  it("refuses a pipe", async () => {
    const folder = makeFolder();
    execFileSync("mkfifo", [join(folder, "p")]);
    expect(await sentences(folder)).toBe(
      "p: it is a socket, a pipe or a device. Only files, folders and links can be in an image.",
    );
  });

  it.each(["secret", "closed/f"])("names what cannot be read: %s", async (path) => {
    const folder = makeFolder({ [path]: "" });
    chmodSync(folder, 0o755);
    chmodSync(join(folder, path.split("/")[0] ?? ""), 0);
    beNobody();
    const read = async (): Promise<string> => hashTree(await listTree(folder));
    expect((await rejectionOf(read())).message).toBe(
      `${path.split("/")[0]}: it cannot be read (EACCES). Make it readable.`,
    );
  });
});

/** Root reads everything; as somebody else it is like any user, until the test ends. */
function beNobody(): void {
  if (process.getuid?.() !== 0) return;
  process.seteuid?.(65_534);
  onTestFinished(() => process.seteuid?.(0));
}

describe("a selection", () => {
  const select = async (
    files: readonly string[],
    options: ConstructorParameters<typeof Selection>[0] = {},
    ignoreFile = "",
  ): Promise<readonly string[]> => {
    const folder = makeFolder(Object.fromEntries(files.map((path) => [path, ""])));
    const selection = new Selection(options, ignoreFile);
    return (await listTree(folder, selection)).map(({ path }) => path);
  };

  it("leaves out credentials and rubbish, at any depth and in any case", async () => {
    const taken = ["id_map.py", ".env.example", "cacert.pem", ".gitignore", "keys.ts", "Pulumi.yaml", ".envoy.yaml"];
    const left = [
      ".env",
      ".env.local",
      ".env2",
      ".git/x",
      "a/.AWS/x",
      "a/b/ID_rsa",
      "a/tls.key",
      "Pulumi.dev.yaml",
      "m.pyc",
    ];
    const paths = await select([...taken, ...left, "a/c"]);
    expect(paths).toEqual([...taken, "a", "a/b", "a/c"].sort());
  });

  it("takes what include names, a folder with all below it, and no more", async () => {
    const files = [".env", "a/.env", "node_modules/x/a", "node_modules/y/.npmrc", "b/node_modules/x/a"];
    expect(await select(files, { include: [".env", "node_modules/y"] })).toEqual([
      ".env",
      "a",
      "b",
      "node_modules",
      "node_modules/y",
      "node_modules/y/.npmrc",
    ]);
    expect(await select(files, { include: ["**"] })).toHaveLength(12);
  });

  it("leaves out what the folder's ignore file and ignore say; neither takes back from the other or from the default", async () => {
    const files = [".env", "a.md", "b.md", "c.md", "d/a.md", "d/b.txt"];
    expect(await select(files, { ignore: ["d", "!a.md", "!**/b.txt"] }, "*.md\n!b.md\n!.env\n")).toEqual([
      "b.md",
      "d",
      "d/b.txt",
    ]);
  });

  it("does not copy the ignore file itself, unless it is included", async () => {
    expect(await select([".dockerignore", "a/.dockerignore"])).toEqual(["a", "a/.dockerignore"]);
    expect(await select([".dockerignore"], { include: [".dockerignore"] })).toEqual([".dockerignore"]);
  });

  it("keeps a folder of which nothing is left, and has none where the folder itself is left out", async () => {
    expect(await select(["a/x", "b/x", "c/d/x"], { ignore: ["a/*", "b", "c/d", "!c/d/y"] })).toEqual(["a", "c"]);
  });

  it("never looks at what it leaves out", async () => {
    const folder = makeFolder({ "d/f": "" });
    execFileSync("mkfifo", [join(folder, "p")]);
    symlinkSync("/etc", join(folder, "l"));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/d/x`), Buffer.from([0xff])]), "");
    const selection = new Selection({ ignore: ["p", "l", "d"] }, "");
    expect(await listTree(folder, selection)).toEqual([]);
  });

  it("counts what the default alone left out", async () => {
    const folder = makeFolder({ ".env": "", "a/.env": "", "b/node_modules/c/.env": "", "d/.git/x": "" });
    const selection = new Selection({ ignore: ["d"] }, "");
    await listTree(folder, selection);
    expect([...selection.leftOut]).toEqual([
      [".env", 2],
      ["node_modules", 1],
    ]);
  });
});

describe("listFiles", () => {
  it("gives the tree of a folder that holds just these files", async () => {
    const folder = makeFolder({ "tree/d/a": "1", "tree/b": "2", c: "3" });
    const files = listFiles(
      new Map([
        ["d/a", join(folder, "tree/d/a")],
        ["b", join(folder, "tree/b")],
      ]),
    );
    expect(await hashTree(files)).toBe(await hashTree(await listTree(join(folder, "tree"))));
  });

  it("follows a link that is the file itself", async () => {
    const folder = makeFolder({ a: "1" });
    symlinkSync("a", join(folder, "b"));
    const hash = (name: string): Promise<string> => hashTree(listFiles(new Map([["x", join(folder, name)]])));
    expect(await hash("b")).toBe(await hash("a"));
  });
});
