import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listContext } from "../../sdk/dockerfile-context";
import type { ContextRead } from "../../sdk/dockerfile-reads";
import { DockerfileProblem } from "../../sdk/dockerfile-stages";
import type { TreeWatch } from "../../sdk/tree";
import { makeFolder } from "./folder";

const everything: readonly ContextRead[] = [{ path: ".", line: 2 }];

function listIn(folder: string, reads: readonly ContextRead[] = everything, watch?: TreeWatch) {
  return listContext(reads, { dockerfile: join(folder, "Dockerfile"), context: folder }, watch);
}

async function pathsIn(folder: string, reads?: readonly ContextRead[]): Promise<readonly string[]> {
  return (await listIn(folder, reads)).map(({ path }) => path);
}

async function problemOf(work: Promise<unknown>): Promise<DockerfileProblem> {
  const problem: unknown = await work.catch((error: unknown) => error);
  if (problem instanceof DockerfileProblem) return problem;
  throw new Error(`no problem of the Dockerfile: ${String(problem)}`);
}

function makePipe(path: string): void {
  execFileSync("mkfifo", [path]);
}

it("does not mind a pipe or a name that is not UTF-8 where it is not read", async () => {
  const folder = makeFolder({ ".dockerignore": "*.sock\ncache\n.dockerignore\n", "src/a": "a", "cache/x": "" });
  makePipe(join(folder, "run.sock"));
  makePipe(join(folder, "cache/pipe"));
  makePipe(join(folder, "src/skip"));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/cache/`), Buffer.from([0xff])]), "");
  expect(await pathsIn(folder, [{ path: ".", exclude: ["src/skip"], line: 2 }])).toEqual(["src", "src/a"]);
  expect(await pathsIn(folder, [{ path: "src/a*", line: 2 }])).toEqual(["src", "src/a"]);
});

it("says at which line it meets one that is read", async () => {
  const folder = makeFolder({ "src/a": "a" });
  makePipe(join(folder, "src/pipe"));
  const problem = await problemOf(
    listIn(folder, [
      { path: "src/a", line: 2 },
      { path: "src", line: 4 },
    ]),
  );
  expect(problem).toMatchObject({
    line: 4,
    code: "LOCAL_PATH",
    message: "src/pipe: it is a socket, a pipe or a device.",
    hint: "Only files, folders and links can be in an image. Or leave it out, in .dockerignore.",
  });
});

it("says what is wrong in the ignore file, and in which", async () => {
  const folder = makeFolder({ a: "", ".dockerignore": "[a\n", "Dockerfile.dockerignore": "!\n" });
  await expect(listIn(folder)).rejects.toThrow(/^Dockerfile\.dockerignore: the ignore pattern "!" is an exception of/);
});

it("follows links that lead in a circle no further than Linux does, and takes those inside of a folder as they are", async () => {
  const folder = makeFolder({ "src/a": "a" });
  for (const [path, target] of [
    ["src/self", "self"],
    ["src/up", ".."],
    ["one", "two"],
    ["two", "one"],
  ] as const) {
    symlinkSync(target, join(folder, path));
  }
  expect(await pathsIn(folder, [{ path: "src", line: 2 }])).toEqual(["src", "src/a", "src/self", "src/up"]);
  const problem = await problemOf(listIn(folder, [{ path: "one", line: 3 }]));
  expect(problem).toMatchObject({ line: 3, message: "one is a link that leads to itself." });
});

it("looks into what is ignored only where something may be taken back, and takes its folders along", async () => {
  const folder = makeFolder({
    ".dockerignore": "*\n!deep/er/keep\n!none/x\n",
    "deep/er/keep/a": "",
    "deep/er/b": "",
    "deep/c": "",
    "none/y": "",
    "far/z": "",
  });
  expect(await pathsIn(folder)).toEqual(["deep", "deep/er", "deep/er/keep", "deep/er/keep/a"]);
});

it("lists many files in pieces: others have their turn, progress is told, and it can be ended", async () => {
  const folder = makeFolder();
  for (let index = 0; index < 10; index += 1) {
    mkdirSync(join(folder, `d${index}`));
    for (let file = 0; file < 500; file += 1) writeFileSync(join(folder, `d${index}/f${file}`), "");
  }
  const told: number[] = [];
  expect(await listIn(folder, everything, { onProgress: ({ entries }) => told.push(entries) })).toHaveLength(5_010);
  expect(told.length).toBeGreaterThan(1);
  expect(told.toSorted((a, b) => a - b)).toEqual(told);
  const stop = new AbortController();
  const work = listIn(folder, everything, { signal: stop.signal, onProgress: () => stop.abort() });
  await expect(work).rejects.toThrow("aborted");
});
