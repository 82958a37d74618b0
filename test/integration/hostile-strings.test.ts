import { expect, test } from "vitest";
import { seed, tellCounts } from "../deep/counts";
import { buildHostileImages } from "../deep/hostile-builds";
import { describeImports, passHostileImports } from "../deep/hostile-imports";
import { describeDockerfiles, passHostileDockerfiles } from "../deep/hostile-dockerfiles";
import { mistakes, sound } from "../deep/hostile-mistakes";
import { sendHostileNames } from "../deep/hostile-names";
import { describeRun, emitHostileTexts } from "../deep/hostile-strings";

test("a hostile text in any field is refused in the call, or BuildKit's parser reads it exactly as given", async () => {
  const run = await emitHostileTexts(sound, { seed, count: 60 });
  tellCounts(`hostile-strings: seed ${seed}, ${describeRun(run)}`);
  expect(run.examples).toEqual([]);
  expect(run.neverEmitted).toEqual(["Python version"]);
});

test.each<{ mistake: keyof typeof mistakes; field: string; injects: boolean }>([
  { mistake: "ENV by JSON.stringify", field: "value of a variable", injects: false },
  { mistake: "ENV without quotes", field: "value of a variable", injects: false },
  { mistake: "packages without quotes", field: "pip: package", injects: false },
  { mistake: "command as it is", field: "command", injects: true },
  { mistake: "command in a here-document of one name", field: "command of several lines", injects: false },
  { mistake: "folder as it is", field: "part of the workdir", injects: false },
  { mistake: "destination by JSON alone", field: "destination of a folder", injects: false },
  { mistake: "arguments in shell form", field: "command's argument", injects: false },
])("the same texts catch the mistake: $mistake", async ({ mistake, field, injects }) => {
  const { injected, misread } = await emitHostileTexts(mistakes[mistake], { seed, count: 50, only: [field] });
  expect((injected[field] ?? 0) + (misread[field] ?? 0)).toBeGreaterThan(5);
  if (injects) expect(injected[field]).toBeGreaterThan(0);
});

test("of Dockerfile lines that pass, BuildKit reads the instructions that were checked", async () => {
  const run = await passHostileDockerfiles({ seed, count: 400 });
  tellCounts(`hostile-strings: seed ${seed}, ${describeDockerfiles(run)}`);
  expect(run.different).toEqual([]);
});

test("what fromDockerfile lets pass reaches buildx as it is, and leaves the file alone", () => {
  const run = passHostileImports({ seed, count: 300 });
  tellCounts(`hostile-strings: seed ${seed}, ${describeImports(run)}`);
  expect(run.different).toEqual([]);
  expect(run.passed).toBeGreaterThan(50);
});

test("files and links of hostile names are sent under just these names", async () => {
  const { files, links, different } = await sendHostileNames({ seed, count: 400 });
  tellCounts(
    `hostile-strings: seed ${seed}, ${files} files and ${links} links sent, ${different.length} under another name`,
  );
  expect(different).toEqual([]);
});

test("what is built of hostile texts holds them exactly as given", async () => {
  const { values, different } = await buildHostileImages({ seed, count: 2 });
  tellCounts(`hostile-strings: seed ${seed}, 2 images built, ${values} values read back, ${different.length} differ`);
  expect(different).toEqual([]);
});
