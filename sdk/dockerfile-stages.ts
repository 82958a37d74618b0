import { argumentWords, heredocMark, parseDockerfile, type Dockerfile, type Instruction } from "./dockerfile-parser";

import type { CallSite } from "./call-site";
import { SlipwayError } from "./error";

/** A Dockerfile by its stages. */
export interface StagedFile {
  readonly dockerfile: Dockerfile;
  /** The ARGs before the first FROM. */
  readonly globals: readonly Instruction[];
  readonly stages: readonly Stage[];
}

export interface Stage {
  /** 0 is the first. */
  readonly index: number;
  /** In lower case: names have none. */
  readonly name: string | undefined;
  readonly from: Instruction;
  /** What it starts from, as written. */
  readonly base: string;
  /** The value of `--platform`, as written. */
  readonly platform: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** What is wrong with a Dockerfile, and where. It ends as a SlipwayError that names the file. */
export class DockerfileProblem extends Error {
  readonly line: number;
  readonly hint: string;
  readonly code: "INVALID_DOCKERFILE" | "LOCAL_PATH";

  constructor(
    line: number,
    found: string,
    hint: string,
    code: DockerfileProblem["code"] = "INVALID_DOCKERFILE",
    cause?: unknown,
  ) {
    super(found, { cause });
    this.line = line;
    this.hint = hint;
    this.code = code;
  }
}

/** Does something with a Dockerfile; what is wrong with that is told by the file, the line and the user's own line. */
export function inDockerfile<T>(source: string, callSite: CallSite | undefined, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw located(source, callSite, cause);
  }
}

/** Does something with the files that a Dockerfile reads; what is wrong with one is told in the same way. */
export async function inContext<T>(source: string, callSite: CallSite | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof SlipwayError)) throw located(source, callSite, cause);
    const { code, text, hint } = cause;
    throw new SlipwayError({ code, text: `${source}: ${text}`, hint, callSite, cause });
  }
}

function located(source: string, callSite: CallSite | undefined, problem: unknown): unknown {
  if (!(problem instanceof DockerfileProblem)) return problem;
  const { code, line, message, hint, cause } = problem;
  return new SlipwayError({ code, text: `${source}:${line}: ${message}`, hint, callSite, cause });
}

const KEYWORDS = new Set(
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(
    " ",
  ),
);

const SYNTAX_HINT = "Mend it: no Dockerfile frontend would read it.";

/**
 * Reads a Dockerfile as far as its stages; what BuildKit would not parse is refused, wherever it stands.
 *
 * @throws DockerfileProblem
 */
export function readStages(text: string): StagedFile {
  const dockerfile = parseDockerfile(text);
  if (dockerfile.kind === "broken") throw new DockerfileProblem(dockerfile.line, `${dockerfile.problem}.`, SYNTAX_HINT);
  dockerfile.directives.forEach(({ name, value, line }) => name === "syntax" && checkSyntax(value, line));
  const globals: Instruction[] = [];
  const stages: Stage[] = [];
  for (const instruction of dockerfile.instructions) {
    checkForm(instruction);
    const current = stages.at(-1);
    if (instruction.keyword === "FROM") stages.push(readFrom(instruction, stages.length));
    else if (current !== undefined)
      stages[current.index] = { ...current, instructions: [...current.instructions, instruction] };
    else if (instruction.keyword === "ARG") globals.push(instruction);
    else throw new DockerfileProblem(instruction.line, `${instruction.keyword} before any FROM.`, SYNTAX_HINT);
  }
  if (stages.length === 0) throw new DockerfileProblem(1, "it has no FROM.", "Give a Dockerfile with a stage.");
  return { dockerfile, globals, stages };
}

/** The frontend of docker is built into BuildKit, so a line that asks for it may go; another one may mean anything. */
function checkSyntax(value: string, line: number): void {
  const image = value.split(/\s/)[0] ?? "";
  if (isOwnFrontend(image)) return;
  throw new DockerfileProblem(
    line,
    `# syntax=${image} asks for another frontend than docker/dockerfile.`,
    "Only Dockerfiles can be imported: what another frontend makes of the text is not known before it runs.",
  );
}

/** docker/dockerfile, its upstream, or a mirror of them. */
function isOwnFrontend(image: string): boolean {
  return /(^|\/)docker\/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.test(image);
}

function checkForm(instruction: Instruction): void {
  const { keyword, line, trigger, rest } = instruction;
  const fail = (found: string): never => {
    throw new DockerfileProblem(line, found, SYNTAX_HINT);
  };
  if (!KEYWORDS.has(keyword)) fail(`${keyword} is no Dockerfile instruction.`);
  if (rest === "" && keyword !== "CMD" && keyword !== "ENTRYPOINT") fail(`${keyword} has no argument.`);
  if (keyword === "COPY" || keyword === "ADD") checkCopyForm(instruction, fail);
  if (trigger === undefined) return;
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(trigger.keyword)) fail(`ONBUILD ${trigger.keyword} is not allowed.`);
  checkForm(trigger);
}

function checkCopyForm({ keyword, rest }: Instruction, fail: (found: string) => never): void {
  const words = argumentWords(rest);
  if (words.length < 2) fail(`${keyword} needs a source and a destination.`);
  if (heredocMark(words.at(-1) ?? "") !== undefined) fail(`${keyword} has a here-document as its destination.`);
}

function readFrom(from: Instruction, index: number): Stage {
  const [base = "", as, name, ...more] = argumentWords(from.rest);
  const isNamed = as?.toLowerCase() === "as" && name !== undefined && more.length === 0;
  if (!isNamed && as !== undefined) {
    throw new DockerfileProblem(from.line, "FROM takes one argument, or three: an image, AS and a name.", SYNTAX_HINT);
  }
  if (isNamed && !/^[a-z][a-z0-9-_.]*$/i.test(name)) {
    throw new DockerfileProblem(from.line, `${JSON.stringify(name)} is no name for a stage.`, SYNTAX_HINT);
  }
  return {
    index,
    name: isNamed ? name.toLowerCase() : undefined,
    from,
    base,
    platform: flagValue(from, "platform"),
    instructions: [],
  };
}

/** The value of a flag; the frontend takes their names by case. */
export function flagValue(instruction: Instruction, name: string): string | undefined {
  return instruction.flags.find(({ text }) => text.startsWith(`--${name}=`))?.text.slice(name.length + 3);
}

export function flagValues(instruction: Instruction, name: string): readonly string[] {
  return instruction.flags.flatMap(({ text }) => (text.startsWith(`--${name}=`) ? [text.slice(name.length + 3)] : []));
}
