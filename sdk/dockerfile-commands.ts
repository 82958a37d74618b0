import { argumentWords, heredocMark, parseDockerfile, parseMount, type Instruction } from "./dockerfile-parser";
import { isPinned, isRemote } from "./dockerfile-reads";
import { changeNames, replaceHead } from "./dockerfile-splice";
import { flagValue } from "./dockerfile-stages";
import { SlipwayError } from "./error";
import { formatReference, parseReference } from "./reference";

/** Why a text may not be a step: what was found, and what to do instead. */
export interface Refusal {
  readonly found: string;
  readonly hint: string;
}

const COPY_HINT = 'Use addLocalFile or addLocalDir with { strategy: "copy" }: what they copy is part of the hash.';

const harmless = new Set([
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);

/**
 * Looks for what would break identity in lines that go into the Dockerfile as they are.
 *
 * @param escape the escape character of the Dockerfile into which they go.
 * @param stages the names of its stages.
 */
export function checkDockerfileCommand(
  text: string,
  escape = "\\",
  stages: readonly string[] = [],
): Refusal | undefined {
  const parsed = parseDockerfile(text, escape);
  if (parsed.kind === "broken") {
    return { found: `line ${parsed.line}: ${parsed.problem}.`, hint: "Give each instruction as one complete string." };
  }
  const [directive] = parsed.directives;
  if (directive !== undefined) {
    return {
      found: `a "# ${directive.name}" directive.`,
      hint: "Leave it out: the builder's own Dockerfile frontend is used.",
    };
  }
  if (parsed.instructions.length === 0) {
    return { found: "no instruction.", hint: 'Give Dockerfile instructions, for example "EXPOSE 8080".' };
  }
  for (const instruction of parsed.instructions) {
    const refusal = checkNames(instruction, stages) ?? checkInstruction(instruction);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The images that the commands copy from or mount, each once, in full. */
export function commandImages(commands: readonly string[], escape: string): readonly string[] {
  return [...new Set(commands.flatMap((text) => imagePlaces(text, escape).map(({ key }) => key)))];
}

/** The commands as they are built: images by the names that they are given. */
export function renderCommands(
  commands: readonly string[],
  escape: string,
  nameOf: (key: string) => string,
): readonly string[] {
  return commands.map((text) => {
    const changes = imagePlaces(text, escape).map(({ key, ...place }) => ({ ...place, name: nameOf(key) }));
    const lines = text.split("\n");
    for (const instruction of new Set(changes.map((change) => change.instruction))) {
      replaceHead(lines, instruction, changeNames(instruction, changes, escape));
    }
    return lines.join("\n");
  });
}

/** A stage of an imported file is no image: what it has belongs into that file. */
function checkNames(instruction: Instruction, stages: readonly string[]): Refusal | undefined {
  const names = instruction.flags.flatMap((_, index) => fromOf(instruction, index) ?? []);
  const stage = names.find((name) => stages.includes(name.toLowerCase()));
  if (stage === undefined) return undefined;
  return {
    found: `from=${stage}, a stage of the imported Dockerfile.`,
    hint: "Copy from it in the Dockerfile itself.",
  };
}

interface ImagePlace {
  readonly key: string;
  readonly instruction: Instruction;
  readonly flag: number;
}

function imagePlaces(text: string, escape: string): readonly ImagePlace[] {
  const parsed = parseDockerfile(text, escape);
  if (parsed.kind === "broken") return [];
  return parsed.instructions.flatMap((instruction) =>
    instruction.flags.flatMap((_, flag): readonly ImagePlace[] => {
      const from = fromOf(instruction, flag);
      return from === undefined || from === "scratch" ? [] : [{ key: toKey(from), instruction, flag }];
    }),
  );
}

function toKey(from: string): string {
  return formatReference(parseReference(from));
}

/** What a flag of COPY or RUN takes files from. */
function fromOf({ keyword, flags }: Instruction, index: number): string | undefined {
  const flag = flags[index]?.text ?? "";
  const isMount = keyword === "RUN" && flag.startsWith("--mount=");
  const from = isMount ? parseMount(flag.slice("--mount=".length)).get("from") : undefined;
  const copied = keyword === "COPY" && flag.startsWith("--from=") ? flag.slice("--from=".length) : undefined;
  const found = from ?? copied;
  return found === "" ? undefined : found;
}

function checkInstruction(instruction: Instruction): Refusal | undefined {
  if (instruction.isOpen) {
    return {
      found: `line ${instruction.line}: its last line ends in a continuation.`,
      hint: "Give each instruction as one complete string.",
    };
  }
  const raw = instruction.flags.map(({ start, end }) => instruction.text.slice(start, end));
  if (["COPY", "ADD", "RUN"].includes(instruction.keyword) && raw.some((flag) => /["'\\$`]/.test(flag))) {
    // BuildKit unquotes them, so that a flag could hide another.
    return { found: `${instruction.keyword} with quotes or variables in a flag.`, hint: "Write its flags plainly." };
  }
  switch (instruction.keyword) {
    case "FROM":
      return { found: "FROM.", hint: "An image has one base: give it to Image.base(…)." };
    case "ONBUILD":
      return {
        found: "ONBUILD.",
        hint: "Its trigger would read what no hash covers; put the step into the images that need it.",
      };
    case "ARG":
      if (!/(^|\s)BUILD(PLATFORM|OS|OSVERSION|ARCH|VARIANT)(\s|=|$)/.test(instruction.rest)) return undefined;
      return {
        found: "ARG of the builder's own platform.",
        hint: "It differs between builders; use TARGETPLATFORM or TARGETARCH.",
      };
    case "COPY":
      return checkCopy(instruction);
    case "ADD":
      return checkAdd(instruction);
    case "RUN":
      return checkRun(instruction);
    default:
      if (harmless.has(instruction.keyword)) return undefined;
      return {
        found: `${instruction.keyword}, which is no Dockerfile instruction.`,
        hint: "Use runCommands for a shell command.",
      };
  }
}

function checkCopy(instruction: Instruction): Refusal | undefined {
  const from = flagValue(instruction, "from") ?? "";
  if (from !== "") return checkImage(from);
  return readsContext(instruction) ? { found: "COPY from the local context.", hint: COPY_HINT } : undefined;
}

/** A name is an image's here: what is built has one stage, and its own number would be a circle. */
function checkImage(from: string): Refusal | undefined {
  if (/^\d+$/.test(from)) return { found: `from=${from}: there is no other stage.`, hint: "Name an image." };
  try {
    parseReference(from);
    return undefined;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { found: `from=${from}: ${error.text}`, hint: error.hint ?? "" };
  }
}

function checkAdd(instruction: Instruction): Refusal | undefined {
  if (!readsContext(instruction)) return undefined;
  const sources = sourcesOf(instruction);
  if (!sources.every(isRemote)) return { found: "ADD from the local context.", hint: COPY_HINT };
  const checksum = flagValue(instruction, "checksum") ?? "";
  if (sources.every((source) => isPinned(source, checksum))) return undefined;
  return {
    found: `ADD ${sources.join(" ")} without a checksum.`,
    hint: "What it fetches may change: give --checksum=sha256:…, or for git a full commit as #<sha>.",
  };
}

function checkRun(instruction: Instruction): Refusal | undefined {
  if (flagValue(instruction, "security") === "insecure") {
    return { found: "RUN --security=insecure.", hint: "Builders do not grant it; the step has to do without." };
  }
  if (flagValue(instruction, "network") === "host") {
    return { found: "RUN --network=host.", hint: "Leave it out: the builder decides which network its steps have." };
  }
  for (const [index, { text }] of instruction.flags.entries()) {
    if (!text.startsWith("--mount=")) continue;
    const type = parseMount(text.slice("--mount=".length)).get("type") ?? "";
    const from = fromOf(instruction, index);
    const refusal = from === undefined ? undefined : checkImage(from);
    if (refusal !== undefined) return refusal;
    if (type === "bind" && from === undefined) {
      return { found: "RUN --mount=type=bind from the local context.", hint: COPY_HINT };
    }
    if (type !== "bind" && type !== "cache" && type !== "tmpfs") {
      return { found: `RUN --mount=type=${type}.`, hint: "Only bind, cache and tmpfs mounts are known here." };
    }
  }
  return undefined;
}

/** Here-documents bring their own text; every other source is read from somewhere. */
function readsContext(instruction: Instruction): boolean {
  return argumentWords(instruction.rest)
    .slice(0, -1)
    .some((source) => heredocMark(source) === undefined);
}

function sourcesOf(instruction: Instruction): readonly string[] {
  return argumentWords(instruction.rest)
    .slice(0, -1)
    .map((word) => word.replace(/^["']|["']$/g, ""));
}
