import { describe, expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { mountPoints, placeMounts } from "../../sdk/mount";
import { sentencesOf } from "./errors";
import { enterFolder } from "./folder";

const base = Image.base("ubuntu:24.04");

describe("where mounts are", () => {
  test("a mount in another one's folder comes with it, on top", () => {
    enterFolder({ "src/a": "", "static/b": "", one: "", two: "" });
    const { mounts } = base
      .addLocalFile("one", "/app/src/deep/one")
      .addLocalDir("static", "/app/src/static")
      .addLocalFile("two", "/etc/two")
      .addLocalDir("src", "/app/src").spec;
    expect(mountPoints(mounts)).toEqual([
      { path: "/app/src", kind: "dir" },
      { path: "/etc/two", kind: "file" },
    ]);
    expect(placeMounts(mounts).map(({ mount, index, folder }) => [mount.source, index, folder])).toEqual([
      ["src", 3, "0"],
      ["one", 0, "0/deep"],
      ["static", 1, "0/static"],
      ["two", 2, "1"],
    ]);
  });

  test("names that begin alike are no folder of each other", () => {
    enterFolder({ "a/x": "" });
    const { mounts } = base.addLocalDir("a", "/app").addLocalDir("a", "/app2").spec;
    expect(mountPoints(mounts).map(({ path }) => path)).toEqual(["/app", "/app2"]);
  });
});

describe("what no container can have is refused in the call", () => {
  test.each([
    [() => base.addLocalDir("d", "/"), "a mount at / would hide the whole image."],
    [() => base.addLocalFile("f", "/a:b"), "Kubernetes mounts nothing at a path with a colon."],
    [() => base.addLocalFile("f", "/x").addLocalFile("f", "/x"), "another mount is at /x already."],
    [() => base.addLocalDir("d", "/x").addLocalDir("d", "/x"), "another mount is at /x already."],
    [() => base.addLocalFile("f", "/x").addLocalFile("f", "/x/y"), "/x is a file, and /x/y would lie in it."],
    [() => base.addLocalDir("d", "/x/y").addLocalFile("f", "/x"), "/x is a file, and /x/y would lie in it."],
  ])("%s", (call, text) => {
    enterFolder({ "d/x": "", f: "" });
    expect(sentencesOf(call)).toContain(text);
  });

  test("copies may lie where they like", () => {
    enterFolder({ "d/x": "", f: "" });
    const copy = { strategy: "copy" } as const;
    const image = base.addLocalDir("d", "/", copy).addLocalFile("f", "/x", copy).addLocalFile("f", "/x");
    expect(image.spec.steps).toHaveLength(2);
  });
});
