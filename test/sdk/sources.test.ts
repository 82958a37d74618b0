import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { hashSource, listSource } from "../../sdk/sources";
import { rejectionOf } from "./errors";
import { makeFolder } from "./folder";

describe("listSource", () => {
  it("gives a folder's tree, a file under its name in the image, and a requirements file with its entry", async () => {
    const folder = makeFolder({ "src/a": "", f: "", "deps/r.txt": "" });
    const list = async (...args: Parameters<typeof listSource>): Promise<unknown> => {
      const { tree, entry } = await listSource(...args);
      return [entry, tree.map(({ path }) => path)];
    };
    expect(await list({ kind: "copyDir", source: "src", destination: "/x" }, folder)).toEqual([undefined, ["a"]]);
    expect(await list({ kind: "copyFile", source: "f", destination: "/app/g" }, folder)).toEqual([undefined, ["g"]]);
    expect(await list({ kind: "pipRequirements", source: "deps/r.txt", installer: "pip" }, folder)).toEqual([
      "r.txt",
      ["r.txt"],
    ]);
  });

  it("names the call and the user's line in what it refuses", async () => {
    const folder = makeFolder({ "src/": "" });
    symlinkSync("/etc", join(folder, "src/l"));
    const error = await rejectionOf(
      listSource({ kind: "copyDir", source: "src", destination: "/x" }, folder, "/app/index.ts:1:2"),
    );
    expect(error.message).toBe(
      'addLocalDir("src", …): l: it is a link to /etc, outside of the folder. Make it a link inside the folder, or a copy. Or leave it out: add { ignore: [...] }.\n    at /app/index.ts:1:2',
    );
    expect(error.code).toBe("LOCAL_PATH");
  });

  it("says so when a file has vanished since the call", async () => {
    const error = await rejectionOf(listSource({ kind: "copyFile", source: "f", destination: "/f" }, makeFolder()));
    expect(error.message).toBe(
      'addLocalFile("f", …): f: it is not there any more. Run it again when nothing writes there.',
    );
  });

  it("says what is wrong in the folder's ignore file", async () => {
    const folder = makeFolder({ "src/.dockerignore": "a\n[\n" });
    const error = await rejectionOf(listSource({ kind: "copyDir", source: "src", destination: "/x" }, folder));
    expect(error.message).toContain('addLocalDir("src", …): .dockerignore: the ignore pattern "[" is malformed.');
  });
});

describe("hashSource", () => {
  const step = { kind: "copyDir", source: "src", destination: "/x" } as const;

  it("honours the folder's ignore file and says what the default left out, once, in one line", async () => {
    const files = { "src/a": "", "src/.env": "", "src/b/node_modules/x": "", "src/c/node_modules/x": "" };
    const told: string[] = [];
    const report = { info: (text: string) => void told.push(text) };
    const folder = makeFolder({ ...files, "src/d": "", "src/.dockerignore": "d\n" });
    const plain = makeFolder({ "src/a": "", "src/b/": "", "src/c/": "" });
    expect(await hashSource(step, folder, undefined, report)).toEqual(await hashSource(step, plain, undefined, report));
    expect(told).toEqual([
      'addLocalDir("src", …): left out .env, node_modules (2): add { include: [...] } to copy them',
    ]);
  });

  it("tells how far it is with what takes longer than a second", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `src/f${index}`);
    const folder = makeFolder(Object.fromEntries(names.map((name) => [name, "x".repeat(20_000)])));
    let now = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 600));
    const told: string[] = [];
    await hashSource(step, folder, undefined, { status: (text) => void told.push(text) });
    clock.mockRestore();
    const call = String.raw`^addLocalDir\("src", …\): `;
    const found = new RegExp(String.raw`${call}found \d+ files and folders$`);
    const hashed = new RegExp(String.raw`${call}hashed (\d+) of 300 files and folders, (\d) of 6 MB$`);
    const bytes = told.map((line) => Number(hashed.exec(line)?.[2] ?? 0));
    expect(told.filter((line) => !hashed.test(line)).every((line) => found.test(line))).toBe(true);
    expect(bytes[0]).toBe(0);
    expect(bytes.at(-1)).toBeGreaterThanOrEqual(5);
    expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  });

  it("names the user's line when a file cannot be read", async () => {
    const folder = makeFolder();
    symlinkSync("loop", join(folder, "loop"));
    const work = hashSource({ kind: "copyFile", source: "loop", destination: "/x" }, folder, "/app/index.ts:1:2");
    expect((await rejectionOf(work)).message).toBe(
      'addLocalFile("loop", …): x: it cannot be read (ELOOP). Make it readable.\n    at /app/index.ts:1:2',
    );
  });
});
