import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { diffSpecs } from "../../sdk/diff";
import { hashSpec } from "../../sdk/hash";
import { Image } from "../../sdk/image";
import { FORMAT } from "../../sdk/spec";
import { errorOf, sentencesOf } from "./errors";
import { enterFolder } from "./folder";

const base = Image.debianSlim("3.11");
const copy = { strategy: "copy" } as const;

describe("a local path", () => {
  it("that is missing is named as it was given, with the folder that was searched", () => {
    const folder = enterFolder();
    const looked = `does not exist (looked in ${folder}). Paths are relative to the program's folder.`;
    expect(sentencesOf(() => base.addLocalDir("./app", "/app", copy))).toBe(`addLocalDir("./app", …): ./app ${looked}`);
    expect(sentencesOf(() => base.pipInstallFromRequirements("r.txt"))).toBe(
      `pipInstallFromRequirements("r.txt"): r.txt ${looked}`,
    );
    expect(errorOf(() => base.addLocalFile("x", "/x", copy)).code).toBe("LOCAL_PATH");
  });

  it("of another kind leads to the method for it", () => {
    enterFolder({ "d/": "", f: "" });
    execFileSync("mkfifo", ["p"]);
    expect([
      sentencesOf(() => base.addLocalFile("d", "/d", copy)),
      sentencesOf(() => base.addLocalDir("f", "/f", copy)),
      sentencesOf(() => base.pipInstallFromRequirements("d")),
      sentencesOf(() => base.addLocalFile("p", "/p", copy)),
    ]).toEqual([
      'addLocalFile("d", …): d is a folder. Use addLocalDir for a folder.',
      'addLocalDir("f", …): f is a file. Use addLocalFile for a file.',
      'pipInstallFromRequirements("d"): d is a folder. Name the file in it.',
      'addLocalFile("p", …): p is neither a file nor a folder. Only files and folders can be in an image.',
    ]);
  });

  it("may be a file: URL, and no other one", () => {
    const folder = enterFolder({ "a b.txt": "" });
    const image = base.addLocalFile(new URL(`file://${folder}/a%20b.txt`), "/x", copy);
    expect(image.spec.steps).toEqual([{ kind: "copyFile", source: "a b.txt", destination: "/x" }]);
    expect(sentencesOf(() => base.addLocalFile(new URL("https://host.example/x"), "/x", copy))).toBe(
      'addLocalFile("https://host.example/x", …): https: is not a local file. Give a path or a file: URL.',
    );
  });

  it("knows two strategies, and mounts without one", () => {
    enterFolder({ f: "" });
    const call = (options: unknown) => (): unknown => Reflect.apply(base.addLocalFile, base, ["f", "/f", options]);
    const wrong = 'the strategy is not known. Give { strategy: "mount" } or { strategy: "copy" }.';
    expect(sentencesOf(call({ strategy: "link" }))).toBe(`addLocalFile("f", …): ${wrong}`);
    expect(sentencesOf(call({ strategy: null }))).toBe(`addLocalFile("f", …): ${wrong}`);
    const mount = { kind: "copyFile", source: "f", destination: "/f" };
    for (const image of [base.addLocalFile("f", "/f"), base.addLocalFile("f", "/f", { strategy: "mount" })]) {
      expect([image.spec.steps, image.spec.mounts]).toEqual([[], [mount]]);
    }
    expect(base.addLocalFile("f", "/f", { strategy: "copy" }).spec).toMatchObject({ steps: [mount], mounts: [] });
  });

  it("that is a link to itself is refused", () => {
    enterFolder();
    symlinkSync("b", "a");
    symlinkSync("a", "b");
    expect(sentencesOf(() => base.addLocalDir("a", "/a", copy))).toBe(
      'addLocalDir("a", …): a is a link that leads back to itself. Let it lead to a file or a folder.',
    );
  });

  it("that is a URL of no file's form is refused", () => {
    enterFolder();
    expect(errorOf(() => base.addLocalFile("file://host/f", "/f", copy)).code).toBe("LOCAL_PATH");
  });
});

describe("the options of addLocalDir", () => {
  it("are in the step as lines of a .dockerignore would say them", () => {
    enterFolder({ "d/": "" });
    const image = base.addLocalDir("d", "/d", { ...copy, ignore: ["./docs/", "!docs/a"], include: ["/.env"] });
    expect(image.spec.steps).toEqual([
      { kind: "copyDir", source: "d", destination: "/d", ignore: ["docs", "!docs/a"], include: [".env"] },
    ]);
    const plain = base.addLocalDir("d", "/d", { ...copy, ignore: [], include: [""] });
    expect(plain.spec.steps).toEqual([{ kind: "copyDir", source: "d", destination: "/d" }]);
  });

  it.each([
    [{ ignore: "docs" }, "ignore must be a list, it is a string. Write it in [ ]."],
    [{ ignore: [1] }, "ignore[0] must be a string, it is the number 1. Give plain text."],
    [
      { ignore: ["["] },
      'ignore: the ignore pattern "[" is malformed. A [ needs its ]; \\[ and \\\\ are plain characters.',
    ],
    [{ include: ["!x"] }, 'include has the exception "!x". Name what is to be copied; ignore leaves out of it.'],
    [{ exclude: [] }, "there is no option exclude. Known are strategy, ignore, include."],
  ])("that are wrong are refused: %j", (options, sentences) => {
    enterFolder({ "d/": "" });
    const call = (): unknown => Reflect.apply(base.addLocalDir, base, ["d", "/d", { ...copy, ...options }]);
    expect(sentencesOf(call)).toBe(`addLocalDir("d", …): ${sentences}`);
  });

  it("are no part of the hash and make no difference; only the files do", () => {
    const step = { kind: "copyDir", source: "d", destination: "/d", tree: "0".repeat(64) } as const;
    const spec = { format: FORMAT, platform: "linux/amd64", base: { reference: "r", digest: "d" } } as const;
    const [plain, chosen] = [step, { ...step, ignore: ["a"], include: ["b"] }].map((one) => ({
      ...spec,
      steps: [one],
    }));
    if (plain === undefined || chosen === undefined) throw new Error("two specs");
    expect(hashSpec(chosen)).toBe(hashSpec(plain));
    expect(diffSpecs(plain, chosen)).toBeUndefined();
  });
});
