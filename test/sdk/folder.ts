import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder of its own for the running test, holding these files; an end slash makes a folder. */
export function makeFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-sdk-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, text);
  }
  return folder;
}

/** Makes the folder the program's folder until the test ends. */
export function enterFolder(files: Readonly<Record<string, string>> = {}): string {
  const before = process.cwd();
  const folder = makeFolder(files);
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  return folder;
}
