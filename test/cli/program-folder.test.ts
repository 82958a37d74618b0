import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgramFolder } from "../../cli/program-folder";
import { temporaryFolder } from "./temporary-folder";

test("it is the folder of the nearest Pulumi.yaml above the file, whatever package.json is nearer", async () => {
  const folder = temporaryFolder({
    "Pulumi.yaml": "name: x\nruntime: nodejs\n",
    "a/package.json": "{}",
    "a/b/x.ts": "",
  });
  expect(await findProgramFolder(join(folder, "a/b/x.ts"))).toBe(folder);
});

test.each([
  { yaml: "main: program/", expected: "program" },
  { yaml: "main: 'program' # here", expected: "program" },
  { yaml: '"main":\n  ./program/index.ts', expected: "program" },
  { yaml: "{ name: x, main: program/index.ts }", expected: "program" },
  { yaml: "description: |\n  main: other\nmain: .", expected: "" },
  { yaml: "config:\n  main: other", expected: "" },
  { yaml: "", expected: "" },
])("main is read as Pulumi does: $yaml", async ({ yaml, expected }) => {
  const folder = temporaryFolder({ "Pulumi.yaml": yaml, "program/index.ts": "", "images/x.ts": "" });
  expect(await findProgramFolder(join(folder, "images/x.ts"))).toBe(join(folder, expected));
});

test("a Pulumi.json does as well", async () => {
  const folder = temporaryFolder({ "Pulumi.json": '{ "main": "program" }', "program/x.ts": "" });
  expect(await findProgramFolder(join(folder, "program/x.ts"))).toBe(join(folder, "program"));
});

test("without a Pulumi project it is the folder of the nearest package.json", async () => {
  const folder = temporaryFolder({ "package.json": "{}", "a/package.json": "{}", "a/b/x.ts": "" });
  expect(await findProgramFolder(join(folder, "a/b/x.ts"))).toBe(join(folder, "a"));
});

test("with neither it is the file's own folder", async () => {
  const folder = temporaryFolder({ "b/x.ts": "" });
  expect(await findProgramFolder(join(folder, "b/x.ts"))).toBe(join(folder, "b"));
});

test("a main that is a link gives the folder that the process will be in", async () => {
  const folder = temporaryFolder({ "Pulumi.yaml": "main: link", "program/x.ts": "" });
  symlinkSync("program", join(folder, "link"));
  expect(await findProgramFolder(join(folder, "program/x.ts"))).toBe(join(folder, "program"));
});

test("a main that does not exist is an error that names the project", async () => {
  const folder = temporaryFolder({ "Pulumi.yaml": "main: gone/", "x.ts": "" });
  await expect(findProgramFolder(join(folder, "x.ts"))).rejects.toThrow(
    `${folder}/Pulumi.yaml: its main, gone/, does not exist.`,
  );
});

test("a Pulumi.yaml that is no YAML is an error that names it", async () => {
  const folder = temporaryFolder({ "Pulumi.yaml": "main: [", "x.ts": "" });
  await expect(findProgramFolder(join(folder, "x.ts"))).rejects.toThrow(`${folder}/Pulumi.yaml: it cannot be read:`);
});
