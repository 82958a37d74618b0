import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listRequirements } from "../../sdk/requirements";
import { hashTree } from "../../sdk/files";
import { sentencesOf } from "./errors";
import { makeFolder } from "./folder";

function filesOf(source: string, folder: string): readonly string[] {
  const { tree, entry } = listRequirements(source, folder);
  return [`entry ${entry}`, ...tree.flatMap((part) => (part.type === "file" ? [part.path] : []))];
}

describe("listRequirements", () => {
  it("takes the file alone when it names no other", () => {
    const text =
      "requests==2.32.3 # -r no.txt\n# -r no.txt\npandas>=2.0 ; python_version < '3.12'\n-i https://i.example/simple\n";
    expect(filesOf("deps/r.txt", makeFolder({ "deps/r.txt": text }))).toEqual(["entry r.txt", "r.txt"]);
  });

  it("follows -r and -c in every spelling, relative to the file that names them, and in circles", () => {
    const folder = makeFolder({
      "r.txt":
        "-r a/1.txt\n-ra/2.txt\n-c a/3.txt\n--requirement a/4.txt\n--constraint=a/5.txt\n-r 'a/6 x.txt'\n-r \\\na/7.txt\n-r https://host.example/x.txt\n",
      "a/1.txt": "-r ../r.txt\n-r b/8.txt",
      "a/b/8.txt": "",
      ...Object.fromEntries(["2", "3", "4", "5", "6 x", "7"].map((name) => [`a/${name}.txt`, ""])),
    });
    const found = ["1", "2", "3", "4", "5", "6 x", "7", "b/8"].map((name) => `a/${name}.txt`);
    expect(filesOf("r.txt", folder)).toEqual(["entry r.txt", ...found, "r.txt"]);
  });

  it("a comment's backslash continues nothing", () => {
    const folder = makeFolder({ "r.txt": "# note \\\n-r a.txt", "a.txt": "" });
    expect(filesOf("r.txt", folder)).toEqual(["entry r.txt", "a.txt", "r.txt"]);
  });

  it("keeps files above the program's folder in their place, without the names of folders in between", async () => {
    const files = { "base.txt": "-c pins/c.txt", "pins/c.txt": "" };
    const one = makeFolder({ ...files, "here/r.txt": "-r ../base.txt" });
    const two = makeFolder({ ...files, "there/r.txt": "-r ../base.txt" });
    expect(filesOf("r.txt", join(one, "here"))).toEqual(["entry _/r.txt", "_/r.txt", "base.txt", "pins/c.txt"]);
    const hash = (folder: string): Promise<string> => hashTree(listRequirements("r.txt", folder).tree);
    expect(await hash(join(one, "here"))).toBe(await hash(join(two, "there")));
    expect(filesOf("../base.txt", join(one, "here"))).toEqual(["entry base.txt", "base.txt", "pins/c.txt"]);
  });

  const local =
    'is a local project, which the build does not see. Copy it with addLocalDir(…, { strategy: "copy" }) and install it with runCommands("pip install …").';
  it.each([
    ["a\n-r b.txt", "b.txt is not there or no file. Paths in it are relative to itself."],
    [
      "-r /b.txt",
      "r.txt:1: /b.txt is an absolute path, which the build does not have. Write it relative to this file.",
    ],
    ["a\n-e .", `r.txt:2: -e . ${local}`],
    ["--editable=lib", `r.txt:1: --editable=lib ${local}`],
    ["./lib", `r.txt:1: ./lib ${local}`],
    ["libs/a", `r.txt:1: libs/a ${local}`],
    ["/lib", `r.txt:1: /lib ${local}`],
    ["a @ file:///lib", `r.txt:1: a @ file:///lib ${local}`],
    ["a-1.0-py3-none-any.whl", `r.txt:1: a-1.0-py3-none-any.whl ${local}`],
  ])("refuses %j", (text, message) => {
    expect(sentencesOf(() => listRequirements("r.txt", makeFolder({ "r.txt": text })))).toBe(message);
  });

  it.each([
    "-e git+https://host.example/a.git",
    "a @ https://host.example/a.whl",
    "https://host.example/a.whl",
    "a==1 --hash=sha256:12/34",
    "--find-links /wheels",
    "",
  ])("accepts %j", (text) => {
    expect(filesOf("r.txt", makeFolder({ "r.txt": text }))).toEqual(["entry r.txt", "r.txt"]);
  });
});
