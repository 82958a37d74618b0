import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { describeError, SlipwayError } from "../sdk/error";

/** The names that the Pulumi CLI looks for (pulumi/sdk, workspace/paths.go). */
const PULUMI_FILES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

const projectSchema = v.nullish(v.object({ main: v.optional(v.string()) }));

/**
 * What relative paths in a file's Images are relative to, wherever the user is: the folder in which Pulumi would run
 * the program of the nearest Pulumi.yaml, else the folder of the nearest package.json, else the file's own.
 *
 * @param file absolute.
 * @throws SlipwayError PROGRAM_FILE
 */
export async function findProgramFolder(file: string): Promise<string> {
  const folders = foldersAbove(file);
  const projects = folders.flatMap((folder) => PULUMI_FILES.map((name) => join(folder, name)));
  const project = projects.find((path) => existsSync(path));
  if (project !== undefined) return realpathSync(await mainFolder(project));
  return folders.find((folder) => existsSync(join(folder, "package.json"))) ?? dirname(file);
}

/** From the file's own folder to the root. */
function foldersAbove(file: string): readonly string[] {
  const folders = [dirname(file)];
  for (let folder = dirname(file); dirname(folder) !== folder; folder = dirname(folder)) folders.push(dirname(folder));
  return folders;
}

/** Pulumi runs in `main`, or in its folder when it is a file (pulumi/pkg, engine.ProjectInfo, GetPwdMain). */
async function mainFolder(project: string): Promise<string> {
  const main = await readMain(project);
  const path = resolve(dirname(project), main ?? ".");
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined) return stats.isDirectory() ? path : dirname(path);
  const hint = "The main of a Pulumi project is a folder or a file beside or below it.";
  throw new SlipwayError({
    code: "PROGRAM_FILE",
    text: `${project}: its main, ${String(main)}, does not exist.`,
    hint,
  });
}

async function readMain(project: string): Promise<string | undefined> {
  const { parse } = await import("yaml");
  try {
    const content: unknown = parse(readFileSync(project, "utf8")); // JSON is YAML, too.
    return v.parse(projectSchema, content)?.main;
  } catch (cause) {
    const text = `${project}: it cannot be read: ${describeError(cause)}`;
    throw new SlipwayError({
      code: "PROGRAM_FILE",
      text,
      hint: "It says what paths in Images are relative to.",
      cause,
    });
  }
}
