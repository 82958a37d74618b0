import { expect, test } from "vitest";
import { countOf, seed, tellCounts } from "./counts";
import { sendHostileNames } from "./hostile-names";
import { describeDockerfiles, passHostileDockerfiles } from "./hostile-dockerfiles";
import { buildHostileImages } from "./hostile-builds";
import { describeImports, passHostileImports } from "./hostile-imports";
import { sound } from "./hostile-mistakes";
import { describeRun, emitHostileTexts } from "./hostile-strings";

const timeout = 30 * 60_000;

test("of hostile texts in every field, none becomes another instruction or another value", { timeout }, async () => {
  const started = performance.now();
  const run = await emitHostileTexts(sound, { seed, count: countOf("DEEP_HOSTILE_TEXTS", 10_000) });
  const seconds = Math.round((performance.now() - started) / 1000);
  tellCounts(`hostile-strings: seed ${seed}, ${describeRun(run)} (${seconds} s)`);
  expect(run.examples).toEqual([]);
});

test("what is built of hostile texts holds them exactly as given", { timeout }, async () => {
  const started = performance.now();
  const run = await buildHostileImages({ seed, count: countOf("DEEP_HOSTILE_BUILDS", 60) });
  const seconds = Math.round((performance.now() - started) / 1000);
  tellCounts(
    `hostile-strings: seed ${seed}, ${run.builds} images built, ${run.values} values read back, ` +
      `${run.different.length} differ (${seconds} s)`,
  );
  expect(run.different).toEqual([]);
});

test("of Dockerfile lines that pass, BuildKit reads the instructions that were checked", { timeout }, async () => {
  const run = await passHostileDockerfiles({ seed, count: countOf("DEEP_HOSTILE_TEXTS", 10_000) });
  tellCounts(`hostile-strings: seed ${seed}, ${describeDockerfiles(run)}`);
  expect(run.different).toEqual([]);
});

test("what fromDockerfile lets pass reaches buildx as it is, and leaves the file alone", { timeout }, () => {
  const run = passHostileImports({ seed, count: countOf("DEEP_HOSTILE_TEXTS", 10_000) });
  tellCounts(`hostile-strings: seed ${seed}, ${describeImports(run)}`);
  expect(run.different).toEqual([]);
});

test("files and links of hostile names are sent under just these names", { timeout }, async () => {
  const { files, links, different } = await sendHostileNames({ seed, count: countOf("DEEP_HOSTILE_TEXTS", 10_000) });
  tellCounts(
    `hostile-strings: seed ${seed}, ${files} files and ${links} links sent, ${different.length} under another name`,
  );
  expect(different).toEqual([]);
});
