import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listSource } from "../../sdk/sources";
import { errorOf } from "./errors";
import { makeFolder } from "./folder";

describe("listSource", () => {
  it("gives a folder's tree, a file under its name in the image, and a requirements file with its entry", () => {
    const folder = makeFolder({ "src/a": "", f: "", "deps/r.txt": "" });
    const list = (...args: Parameters<typeof listSource>): unknown => {
      const { tree, entry } = listSource(...args);
      return [entry, tree.map(({ path }) => path)];
    };
    expect(list({ kind: "copyDir", source: "src", destination: "/x" }, folder)).toEqual([undefined, ["a"]]);
    expect(list({ kind: "copyFile", source: "f", destination: "/app/g" }, folder)).toEqual([undefined, ["g"]]);
    expect(list({ kind: "pipRequirements", source: "deps/r.txt", installer: "pip" }, folder)).toEqual([
      "r.txt",
      ["r.txt"],
    ]);
  });

  it("names the call and the user's line in what it refuses", () => {
    const folder = makeFolder({ "src/": "" });
    symlinkSync("/etc", join(folder, "src/l"));
    const error = errorOf(() =>
      listSource({ kind: "copyDir", source: "src", destination: "/x" }, folder, "/app/index.ts:1:2"),
    );
    expect(error.message).toBe(
      'addLocalDir("src", …): l: it is a link to /etc, outside of the folder. Make it a link inside the folder, or a copy.\n    at /app/index.ts:1:2',
    );
    expect(error.code).toBe("LOCAL_PATH");
  });

  it("says so when a file has vanished since the call", () => {
    const error = errorOf(() => listSource({ kind: "copyFile", source: "f", destination: "/f" }, makeFolder()));
    expect(error.message).toBe(
      'addLocalFile("f", …): it does not exist any more. Something removed it after the call.',
    );
  });
});
