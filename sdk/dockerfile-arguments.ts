import { checkNonEmpty, checkOptions, checkString, fail, refuseOutput, type Call } from "./arguments";
import { planImport, type ConfigOf } from "./dockerfile-plan";
import { readArgs, AUTOMATIC_ARGS } from "./dockerfile-variables";
import { findReads } from "./dockerfile-reads";
import { inDockerfile, readStages } from "./dockerfile-stages";
import { joinPath, readUtf8 } from "./files";
import { checkSource } from "./local-arguments";
import { DEFAULT_PLATFORM } from "./platform";
import { checkSecrets } from "./secret";
import type { DockerfileBase } from "./spec";

const OPTIONS = ["context", "target", "buildArgs", "secrets"];
/** A little less than Linux lets a program have in one argument (MAX_ARG_STRLEN, 128 KiB). */
const MAX_VALUE_BYTES = 120_000;

/** A Dockerfile as an image's base: read, and looked through as far as that goes without a registry. */
export function checkDockerfile(call: Call, path: unknown, options: unknown): DockerfileBase {
  const given = checkOptions(call, options, OPTIONS);
  const source = checkSource(call, path, "file");
  const context = checkSource(call, given["context"] ?? parentOf(source), "dir");
  const text = readUtf8(joinPath(process.cwd(), source));
  if (text === undefined || text.includes("\0")) {
    throw fail(call, `${source} is no text in UTF-8.`, "Save it as UTF-8.", "INVALID_DOCKERFILE");
  }
  const target = given["target"] === undefined ? undefined : checkNonEmpty(call, "the target", given["target"]);
  const buildArgs = checkBuildArgs(call, given["buildArgs"]);
  const secrets = checkSecrets(call, given["secrets"]);
  if (secrets.some(({ version }) => version !== undefined)) {
    const hint = "Change the RUN that uses it, or a build argument that it declares.";
    throw fail(call, "a secret of an imported Dockerfile has no version.", hint);
  }
  const base: DockerfileBase = {
    kind: "dockerfile",
    source,
    context,
    text,
    ...(target === undefined ? {} : { target }),
    buildArgs,
    ...(secrets.length === 0 ? {} : { secrets }),
  };
  // What comes from a base's config is not known yet, so what depends on it is looked at again when it is.
  const unknown: ConfigOf = () => undefined;
  inDockerfile(source, call.callSite, () => {
    refuseUndeclared(call, base);
    findReads(planImport(base, DEFAULT_PLATFORM, unknown), base, unknown);
  });
  return base;
}

function parentOf(source: string): string {
  return source.includes("/") ? source.slice(0, source.lastIndexOf("/")) || "/" : ".";
}

function checkBuildArgs(call: Call, given: unknown): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  refuseOutput(call, "buildArgs", given);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw fail(call, "buildArgs must be an object of plain strings.", 'Write { VERSION: "2" }.');
  }
  const entries = Object.entries(given).map(([name, text]: [string, unknown]) => {
    if (AUTOMATIC_ARGS.includes(name) || name === "SOURCE_DATE_EPOCH" || name.startsWith("BUILDKIT_")) {
      throw fail(call, `buildArgs: ${name} is not yours to give.`, "The platform and Slipway's own build set it.");
    }
    const value = checkString(call, `buildArgs.${name}`, text);
    if (new TextEncoder().encode(value).length > MAX_VALUE_BYTES) {
      throw fail(
        call,
        `buildArgs.${name} is longer than ${MAX_VALUE_BYTES} bytes.`,
        "Put it into a file of the context.",
      );
    }
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}

/** Docker only warns; a name that is misspelt would silently build something else. */
function refuseUndeclared(call: Call, base: DockerfileBase): void {
  const { dockerfile, globals, stages } = readStages(base.text);
  const all = [...globals, ...stages.flatMap(({ instructions }) => instructions)].map((own) => own.trigger ?? own);
  const args = all.filter(({ keyword }) => keyword === "ARG");
  const declared = args.flatMap((instruction) => readArgs(instruction, dockerfile.escape).map(([name]) => name));
  const wrong = Object.keys(base.buildArgs).find((name) => !declared.includes(name));
  if (wrong === undefined) return;
  const hint = declared.length === 0 ? "It has no ARG." : `It has ${[...new Set(declared)].sort().join(", ")}.`;
  throw fail(call, `buildArgs: ${base.source} has no ARG ${wrong}.`, hint);
}
