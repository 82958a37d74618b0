import { createJiti } from "jiti";
import { createRequire } from "node:module";
import { SlipwayError, type ErrorFacts } from "../sdk/error";
import type { Exports } from "./choose-image";
import { NeedsPulumi, trapPulumi } from "./pulumi-trap";
import { isSlipwayError } from "./report-error";
import { findUserLine } from "./user-line";

/**
 * Runs a TypeScript or JavaScript file, ES module or CommonJS, and gives what it exports. Its modules are loaded anew
 * for each file: an Image in a shared one belongs to the folder of the program that uses it.
 *
 * @param file how the user named it.
 * @param path absolute.
 * @throws SlipwayError PROGRAM_FILE, and what the file's own calls throw
 */
export async function loadFile(file: string, path: string): Promise<Exports> {
  trapPulumi(path);
  // No cache on disk: it would be shared with whoever can write to the system's temporary folder.
  const jiti = createJiti(path, { fsCache: false, moduleCache: false, interopDefault: false, alias: ownSlipway(path) });
  try {
    const loaded: unknown = await jiti.import(path);
    return typeof loaded === "object" && loaded !== null ? toExports(loaded) : {};
  } catch (error) {
    throw isSlipwayError(error) ? error : loadError(file, error);
  }
}

/** A file that has no Slipway of its own, for example a single one in CI, gets this one. */
function ownSlipway(path: string): Record<string, string> {
  try {
    createRequire(path).resolve("slipway");
    return {};
  } catch {
    return { slipway: require.resolve("slipway"), "slipway/pulumi": require.resolve("slipway/pulumi") };
  }
}

/** A CommonJS file's one value counts as its default export. */
function toExports(loaded: object): Exports {
  const isNamespace = Object.getPrototypeOf(loaded) === null || Object.getPrototypeOf(loaded) === Object.prototype;
  return isNamespace ? { ...loaded } : { default: loaded };
}

function loadError(file: string, error: unknown): SlipwayError {
  if (error instanceof NeedsPulumi) {
    const hint = "Keep Images in a file of their own, and import it in the program.";
    return programError({
      text: `${file}: while it is loaded ${error.message}.`,
      hint,
      cause: error,
      callSite: error.callSite,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  // jiti's parser: "ParseError: Unexpected token \n /folder/images.ts:3:0", columns from 0.
  const [, problem, place, column] = /^ParseError: ([^]*?)\s*\n\s*(\S[^\n]*:\d+):(\d+)\s*$/.exec(message) ?? [];
  if (problem !== undefined) {
    const callSite = `${place}:${Number(column) + 1}`;
    return programError({ text: `${file}: it cannot be parsed: ${problem}.`, cause: error, callSite });
  }
  // Node's: the place is the stack's first line.
  const first = error instanceof SyntaxError ? /^(\/.*:\d+)$/m.exec(stack ?? "")?.[1] : undefined;
  if (first !== undefined) {
    return programError({ text: `${file}: it cannot be parsed: ${message}.`, cause: error, callSite: first });
  }
  const [line = ""] = message.split("\n");
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  const text = `${file}: loading it failed: ${name}${line.replace(/\.$/, "")}.`;
  return programError({ text, cause: error, callSite: findUserLine(stack) });
}

function programError(facts: Omit<ErrorFacts, "code">): SlipwayError {
  return new SlipwayError({ code: "PROGRAM_FILE", ...facts });
}
