import { splitWords, type Instruction } from "./dockerfile-parser";
import { DockerfileProblem } from "./dockerfile-stages";
import { expandWords } from "./dockerfile-words";
import type { Platform } from "./platform";

/** Stands in a value for what only the builder knows: its own platform. No text can hold a NUL. */
export const OF_BUILDER = "\0builder\0";
/** Stands in a value for what a base's config may set, as long as that was not read. */
export const NOT_KNOWN_YET = "\0base\0";

const BUILDER_NAMES = ["BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT"];
const TARGET_NAMES = ["TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE"];
/** Build arguments that BuildKit gives itself. */
export const AUTOMATIC_ARGS: readonly string[] = [...BUILDER_NAMES, ...TARGET_NAMES];

/** Build arguments that every build of an import has; an ARG of the file sees them. */
const OWN_ARGS: Readonly<Record<string, string>> = {
  SOURCE_DATE_EPOCH: "0",
  BUILDKIT_DOCKERFILE_CHECK: "skip=all",
};

/** The value that an ARG of this name is given from outside of the file. */
export function givenArg(buildArgs: Readonly<Record<string, string>>, name: string): string | undefined {
  return [buildArgs, OWN_ARGS].find((args) => Object.hasOwn(args, name))?.[name];
}

/** The variables of a place in a Dockerfile. */
export class Variables {
  readonly #values: ReadonlyMap<string, string>;
  /** Whether names that are not here may still come from a base's config. */
  readonly isOpen: boolean;

  constructor(values: ReadonlyMap<string, string>, isOpen = false) {
    this.#values = values;
    this.isOpen = isOpen;
  }

  get(name: string): string | undefined {
    return this.#values.get(name) ?? (this.isOpen ? NOT_KNOWN_YET : undefined);
  }

  with(changes: Iterable<readonly [string, string]>): Variables {
    return new Variables(new Map([...this.#values, ...changes]), this.isOpen);
  }
}

/** What BuildKit gives every Dockerfile before its first line (dockerfile2llb/platform.go, defaultArgs). */
export function automaticVariables(platform: Platform, targetName: string): Variables {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  return new Variables(
    new Map([
      ...BUILDER_NAMES.map((name) => [name, OF_BUILDER] as const),
      ["TARGETPLATFORM", platform],
      ["TARGETOS", os],
      ["TARGETOSVERSION", ""],
      ["TARGETARCH", architecture],
      ["TARGETVARIANT", variant],
      ["TARGETSTAGE", targetName],
    ]),
  );
}

/** A text of the Dockerfile with its variables expanded and its quotes taken away. */
export function expand(text: string, variables: Variables, escape: string, line: number): string {
  const result = expandWords(text, { escape, lookUp: (name) => variables.get(name) });
  if (result.kind === "words") return result.text;
  throw new DockerfileProblem(
    line,
    `${JSON.stringify(text)} cannot be expanded: ${result.problem}.`,
    "See to its quotes and ${…}.",
  );
}

/** `name[=value]` of ARG; the value is as written. */
export function readArgs(instruction: Instruction, escape: string): readonly (readonly [string, string | undefined])[] {
  return splitWords(instruction.rest, escape).map((word) => {
    const [, name = word, value] = /^([^=]*)=([\s\S]*)$/.exec(word) ?? [];
    return [name, value] as const;
  });
}

/** The pairs of ENV, in either of its forms; values are as written. */
export function readEnv(instruction: Instruction, escape: string): readonly (readonly [string, string])[] {
  const words = splitWords(instruction.rest, escape);
  if (words[0]?.includes("=") !== true) {
    const [, name = "", value = ""] = /^(\S+)[\t\v\f\r ]+([\s\S]*)$/.exec(instruction.rest) ?? [];
    return [[name, value]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)] as const;
  });
}
