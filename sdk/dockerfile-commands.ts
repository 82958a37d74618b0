import { parseDockerfile, parseMount, splitWords, type Instruction } from "./dockerfile-parser";

/** Why a text may not be a step: what was found, and what to do instead. */
export interface Refusal {
  readonly found: string;
  readonly hint: string;
}

const COPY_HINT = 'Use addLocalFile or addLocalDir with { strategy: "copy" }: what they copy is part of the hash.';
const IMAGE_HINT = "What another image holds is not part of the hash; make that image the base.";

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

/** Looks for what would break identity in lines that go into the Dockerfile as they are. */
export function checkDockerfileCommand(text: string): Refusal | undefined {
  const parsed = parseDockerfile(text);
  if (parsed.kind === "broken") {
    return { found: `line ${parsed.line}: ${parsed.problem}.`, hint: "Give each instruction as one complete string." };
  }
  const [directive] = parsed.directives;
  if (directive !== undefined) {
    return {
      found: `a "# ${directive}" directive.`,
      hint: "Leave it out: the builder's own Dockerfile frontend is used.",
    };
  }
  if (parsed.instructions.length === 0) {
    return { found: "no instruction.", hint: 'Give Dockerfile instructions, for example "EXPOSE 8080".' };
  }
  for (const instruction of parsed.instructions) {
    const refusal = checkInstruction(instruction);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkInstruction(instruction: Instruction): Refusal | undefined {
  if (["COPY", "ADD", "RUN"].includes(instruction.keyword) && instruction.flags.some((flag) => /["'\\$]/.test(flag))) {
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
  const from = flagValue(instruction, "from");
  if (from !== undefined) return { found: `COPY --from=${from}, another image.`, hint: IMAGE_HINT };
  return readsContext(instruction) ? { found: "COPY from the local context.", hint: COPY_HINT } : undefined;
}

function checkAdd(instruction: Instruction): Refusal | undefined {
  if (!readsContext(instruction)) return undefined;
  const sources = sourcesOf(instruction);
  if (!sources.every(isRemote)) return { found: "ADD from the local context.", hint: COPY_HINT };
  const checksum = flagValue(instruction, "checksum") ?? "";
  if (/^(sha256:[0-9a-f]{64}|[0-9a-f]{40})$/.test(checksum) || sources.every(isFullCommit)) return undefined;
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
  for (const flag of instruction.flags.filter((name) => /^--mount=/i.test(name))) {
    const mount = parseMount(flag.slice("--mount=".length));
    const type = mount.get("type") ?? "";
    const from = mount.get("from");
    if (from !== undefined) return { found: `RUN ${flag}, from another image.`, hint: IMAGE_HINT };
    if (type === "bind") return { found: "RUN --mount=type=bind from the local context.", hint: COPY_HINT };
    if (type !== "cache" && type !== "tmpfs") {
      return { found: `RUN --mount=type=${type}.`, hint: "Only cache and tmpfs mounts are known here." };
    }
  }
  return undefined;
}

function flagValue(instruction: Instruction, name: string): string | undefined {
  const flag = instruction.flags.find((text) => text.toLowerCase().startsWith(`--${name}=`));
  return flag?.slice(name.length + 3);
}

/** Here-documents bring their own text; every other source is read from somewhere. */
function readsContext(instruction: Instruction): boolean {
  return sourcesOf(instruction).some((source) => !/^\d*<</.test(source));
}

function sourcesOf(instruction: Instruction): readonly string[] {
  const words = instruction.rest.startsWith("[") ? jsonWords(instruction.rest) : splitWords(instruction.rest);
  return words.slice(0, -1).map((word) => word.replace(/^["']|["']$/g, ""));
}

function jsonWords(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : splitWords(text);
  } catch {
    // BuildKit takes what is not JSON for words, too.
    return splitWords(text);
  }
}

function isRemote(source: string): boolean {
  return /^(https?|git|ssh):\/\//i.test(source) || source.startsWith("git@");
}

function isFullCommit(source: string): boolean {
  return /#[0-9a-f]{40}(:|$)/.test(source) && (/\.git#/.test(source) || /^(git|ssh):\/\/|^git@/.test(source));
}
