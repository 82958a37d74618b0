import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { SlipwayError } from "../../sdk/error";
import { Image } from "../../sdk/image";
import { listRequirements } from "../../sdk/requirements";
import { FORMAT, type ResolvedSpec, type ResolvedStep } from "../../sdk/spec";
import { answerLines, readDockerfiles, type ReadDockerfile, type ReadInstruction } from "./dockerfile-reader";
import { hostileFields, type Field } from "./hostile-fields";
import { hostileText } from "./hostile-texts";
import { Random } from "./random";

/** How a spec is written, by the sdk or with a mistake. */
export type Render = (spec: ResolvedSpec) => string;

export interface HostileRun {
  readonly texts: number;
  readonly fields: number;
  /** Texts in fields: refused in the call with a hint, or emitted. */
  readonly refused: number;
  readonly emitted: number;
  /** Fields of which no text was emitted. */
  readonly neverEmitted: readonly string[];
  /** Emitted, and read back as other instructions, by name of the field. */
  readonly injected: Readonly<Record<string, number>>;
  /** Emitted, and read back as another value or not at all, by name of the field. */
  readonly misread: Readonly<Record<string, number>>;
  /** The first of each field; and errors that are not ours. */
  readonly examples: readonly string[];
}

interface Emission {
  readonly field: Field;
  readonly text: string;
  readonly dockerfile: string;
}

/** A harmless text that every field takes: what is read of it, with the hostile one in its place, is to be read. */
const HARMLESS = "slipwayplaceholder";
const BATCH = 500;

/** Gives every text to every field, and reads what is emitted with BuildKit's parser. */
export async function emitHostileTexts(
  render: Render,
  { seed, count, only }: { readonly seed: number; readonly count: number; readonly only?: readonly string[] },
): Promise<HostileRun> {
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), "slipway-hostile-"));
  try {
    mkdirSync(join(folder, "dir"));
    writeFileSync(join(folder, "file"), "");
    const fields = hostileFields(folder).filter(({ name }) => only?.includes(name) ?? true);
    const tally = new Tally(await readHarmless(fields, render));
    for (let done = 0; done < count; done += BATCH) {
      const texts = Array.from({ length: Math.min(BATCH, count - done) }, () => hostileText(random));
      const emissions = texts.flatMap((text) => fields.flatMap((field) => tally.emit(field, text, render)));
      const found = await readAll(emissions.map(({ dockerfile }) => dockerfile));
      emissions.forEach((emission, index) => tally.compare(emission, found[index] ?? {}));
    }
    return { texts: count, fields: fields.length, ...tally.result(fields) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readHarmless(fields: readonly Field[], render: Render): Promise<ReadonlyMap<string, ReadDockerfile>> {
  const read = await readAll(fields.map((field) => emit(field, field.harmless ?? HARMLESS, render)));
  return new Map(
    fields.map((field, index) => {
      const found = read[index] ?? {};
      const isShown = field.harmless !== undefined || JSON.stringify(found).includes(HARMLESS);
      if (found.error === undefined && !isShown) {
        throw new Error(`${field.name}: a harmless text is not read back: ${JSON.stringify(found)}`);
      }
      return [field.name, found];
    }),
  );
}

/** Between two commands that are read only if nothing swallows them. */
function emit(field: Field, text: string, render: Render): string {
  const image = field.add(Image.base("host/base:1").runCommands("true"), text).runCommands("true");
  if (typeof image.spec.base !== "string") throw new Error("an import's base is no text");
  const base = { reference: image.spec.base, digest: `sha256:${"a".repeat(64)}` };
  const steps = image.spec.steps.map((step): ResolvedStep => {
    const tree = "0".repeat(64);
    switch (step.kind) {
      case "copyDir":
      case "copyFile":
        return { ...step, tree };
      case "pipRequirements":
        return { ...step, tree, entry: listRequirements(step.source, process.cwd()).entry ?? "" };
      case "pip":
      case "apt":
      case "run":
      case "dockerfile":
      case "workdir":
      case "env":
      case "user":
      case "entrypoint":
      case "cmd":
        return step;
    }
  });
  return render({ format: FORMAT, platform: "linux/amd64", base, steps });
}

class Tally {
  readonly #harmless: ReadonlyMap<string, ReadDockerfile>;
  readonly #injected: Record<string, number> = {};
  readonly #misread: Record<string, number> = {};
  readonly #examples: string[] = [];
  readonly #emittedFields = new Set<string>();
  #refused = 0;
  #emitted = 0;

  constructor(harmless: ReadonlyMap<string, ReadDockerfile>) {
    this.#harmless = harmless;
  }

  /** Nothing, if the call refuses the text. */
  emit(field: Field, text: string, render: Render): readonly Emission[] {
    try {
      const dockerfile = emit(field, text, render);
      this.#emitted += 1;
      this.#emittedFields.add(field.name);
      return [{ field, text, dockerfile }];
    } catch (error) {
      this.#refused += 1;
      const isClear = error instanceof SlipwayError && (error.hint ?? "") !== "" && error.callSite !== undefined;
      if (!isClear) this.#examples.push(shorten(`${field.name}: ${shorten(JSON.stringify(text))}: ${String(error)}`));
      return [];
    }
  }

  compare({ field, text, dockerfile }: Emission, found: ReadDockerfile): void {
    const harmless = this.#harmless.get(field.name)?.instructions ?? [];
    const wanted = harmless.map((instruction) => JSON.stringify(withText(instruction, field, text)));
    const read = (found.instructions ?? []).map((instruction) => JSON.stringify(canonical(instruction, field, text)));
    if (found.error === undefined && JSON.stringify(read) === JSON.stringify(wanted)) return;
    const keywords = (list: readonly ReadInstruction[]) => list.map(({ keyword }) => keyword).join(" ");
    const isInjected = found.instructions !== undefined && keywords(found.instructions) !== keywords(harmless);
    const counts = isInjected ? this.#injected : this.#misread;
    if (this.#injected[field.name] === undefined && this.#misread[field.name] === undefined) {
      const shown = [JSON.stringify(text), found.error ?? read.filter((one) => !wanted.includes(one)).join()];
      this.#examples.push(`${field.name}: ${shown.map(shorten).join(" is read as ")} in ${shorten(dockerfile)}`);
    }
    counts[field.name] = (counts[field.name] ?? 0) + 1;
  }

  result(fields: readonly Field[]): Omit<HostileRun, "texts" | "fields"> {
    return {
      refused: this.#refused,
      emitted: this.#emitted,
      neverEmitted: fields.map(({ name }) => name).filter((name) => !this.#emittedFields.has(name)),
      injected: this.#injected,
      misread: this.#misread,
      examples: this.#examples,
    };
  }
}

function shorten(text: string): string {
  return text.length > 400 ? `${text.slice(0, 200)}…${text.slice(-200)}` : text;
}

function withText(instruction: ReadInstruction, field: Field, text: string): ReadInstruction {
  if (isCommand(instruction, field)) {
    return canonical({ ...instruction, args: [field.command?.(text) ?? ""] }, field, text);
  }
  const put = (value: string) => value.replaceAll(HARMLESS, () => text);
  const { args, pairs, flags } = instruction;
  return canonical(
    {
      ...instruction,
      ...(args === undefined ? {} : { args: args.map(put) }),
      ...(pairs === undefined ? {} : { pairs: pairs.map((pair) => pair.map(put)) }),
      ...(flags === undefined ? {} : { flags: flags.map(put) }),
    },
    field,
    text,
  );
}

/** Without what may differ: how a path is written, whether a copy is a linked one, how a base is named beside its digest. */
function canonical(read: ReadInstruction, field: Field, text: string): ReadInstruction {
  const { keyword, args = [], flags = [], pairs = [], isShell = false } = read;
  const instruction = { keyword, args, flags, pairs, isShell };
  switch (keyword) {
    case "RUN":
      return isCommand(instruction, field)
        ? { ...instruction, args: args.map((arg) => givenCommand(arg, field.command?.(text) ?? "")) }
        : instruction;
    case "WORKDIR":
    case "COPY":
      return {
        ...instruction,
        args: args.map((path) => posix.normalize(path).replace(/(.)\/$/s, "$1")),
        flags: flags.filter((flag) => flag !== "link"),
      };
    case "FROM":
      return {
        ...instruction,
        args: args.map((name) => (/@sha256:a{64}$/.test(name) ? "a base" : name)),
      };
    default:
      return instruction;
  }
}

function isCommand({ keyword, isShell, args = [] }: ReadInstruction, field: Field): boolean {
  return field.command !== undefined && keyword === "RUN" && isShell === true && args[0] !== "true";
}

/** A here-document ends its last line; of several lines the shell stops at the first that fails. */
export function givenCommand(read: string, given: string): string {
  // A shell takes the backslash and the end of the line away.
  const endsInBackslash = /(^|[^\\])(\\\\)*\\$/.test(given);
  const same = [given, ...(endsInBackslash ? [] : [`${given}\n`])];
  const isMultiLine = given.includes("\n") && !given.startsWith("#!");
  const allowed = isMultiLine ? same.map((text) => `set -e\n${text}`) : same;
  return [given, ...allowed].includes(read) ? given : read;
}

/** What BuildKit reads, with the words of shell scripts in place of the scripts. */
async function readAll(dockerfiles: readonly string[]): Promise<readonly ReadDockerfile[]> {
  const found = await readDockerfiles(dockerfiles);
  const scripts = [...new Set(found.flatMap(({ instructions = [] }) => instructions.flatMap(scriptOf)))];
  const answers = await answerLines("python3", [join(__dirname, "../checker/shell_words.py")], scripts);
  const words = new Map(scripts.map((script, index) => [script, answers[index] ?? ""]));
  return found.map((dockerfile) => ({
    ...dockerfile,
    ...(dockerfile.instructions === undefined
      ? {}
      : { instructions: dockerfile.instructions.map((instruction) => withWords(instruction, words)) }),
  }));
}

/** Of a RUN in exec form that calls a shell. */
function scriptOf({ keyword, args = [] }: ReadInstruction): readonly string[] {
  const [shell, option, script] = args.slice(-3);
  return keyword === "RUN" && shell === "/bin/sh" && /^-e?c$/.test(option ?? "") && script !== undefined
    ? [script]
    : [];
}

function withWords(instruction: ReadInstruction, words: ReadonlyMap<string, string>): ReadInstruction {
  const [script] = scriptOf(instruction);
  if (script === undefined) return instruction;
  const answer: { words?: readonly string[]; error?: string } = JSON.parse(words.get(script) ?? "{}");
  return {
    ...instruction,
    args: [...(instruction.args ?? []).slice(0, -1), ...(answer.words ?? [answer.error ?? ""])],
  };
}

/** What a run found, in one line. */
export function describeRun(run: HostileRun): string {
  const total = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    `${run.texts} texts in ${run.fields} fields, ${run.refused} refused in the call, ${run.emitted} emitted and read back ` +
    `by BuildKit's parser: ${total(run.injected)} with other instructions, ${total(run.misread)} with another value`
  );
}
