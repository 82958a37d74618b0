import type { PlainImage } from "../provider/program";
import { SlipwayError } from "../sdk/error";
import { Image } from "../sdk/image";

/** What a file exports. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Picks the Image that is meant: the one with the name; without a name the default export, or the only one.
 *
 * @throws SlipwayError PROGRAM_FILE, which lists what is there
 */
export function chooseImage(file: string, exportName: string | undefined, exports: Exports): PlainImage {
  const images = listImages(exports).map(([one]) => one);
  const [only, another] = images;
  const name = exportName ?? (images.includes("default") ? "default" : only);
  if (name === undefined) throw noImage(file, exports);
  if (exportName === undefined && name !== "default" && another !== undefined) {
    throw programError(file, "it exports several Images, and no name is given.", images);
  }
  if (!Object.hasOwn(exports, name))
    throw programError(file, `it has no export ${name}${listNames(Object.keys(exports))}.`, images);
  const value = exports[name];
  if (!Image.isImage(value))
    throw programError(file, `its export ${name} is ${describeKind(value)}, not an Image.`, images);
  return value;
}

/** All Images of a file with their names, sorted by name. */
export function listImages(exports: Exports): readonly (readonly [name: string, image: PlainImage])[] {
  const names = Object.keys(exports).sort();
  return names.flatMap((name) => {
    const value = exports[name];
    return Image.isImage(value) ? [[name, value] as const] : [];
  });
}

/** The error of a file without Images. */
export function noImage(file: string, exports: Exports): SlipwayError {
  return programError(file, `it exports no Image${listNames(Object.keys(exports))}.`, []);
}

function listNames(names: readonly string[]): string {
  return names.length === 0 ? "; it exports nothing" : `; it exports ${[...names].sort().join(", ")}`;
}

function programError(file: string, found: string, images: readonly string[]): SlipwayError {
  const names = [...images].sort().map((name) => `${file}#${name}`);
  const hint =
    names.length === 0 ? "Write: export const api = Image.debianSlim();" : `Its Images: ${names.join(", ")}.`;
  return new SlipwayError({ code: "PROGRAM_FILE", text: `${file}: ${found}`, hint });
}

function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") {
    if ("__pulumiOutput" in value) return "a Pulumi Output";
    if (value instanceof Promise) return "a Promise";
    return Array.isArray(value) ? "a list" : "an object";
  }
  return `a ${typeof value}`;
}
