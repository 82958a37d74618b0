import { parseMount, splitFields, trimEnd, trimSpaces, type Instruction } from "./dockerfile-parser";
import type { ImportPlan, NamePlace } from "./dockerfile-plan";

/** What is to stand where a name stands. */
export interface NameChange extends NamePlace {
  readonly name: string;
}

/** What counts of a Dockerfile, line by line as BuildKit reads it: each instruction with its here-documents. */
export function countedLines(
  plan: ImportPlan,
  digestOf: (key: string) => string,
): readonly (readonly (string | null)[])[] {
  const changes = imageChanges(plan, digestOf).concat(
    // A stage that does not count must not move the others' numbers.
    plan.numbers.map(({ stageIndex, ...place }) => ({
      ...place,
      name: String(plan.needed.findIndex(({ stage }) => stage.index === stageIndex)),
    })),
  );
  return countedInstructions(plan).map((instruction) => [
    trimSpaces(trimEnd(changeNames(instruction, changes, plan.file.dockerfile.escape))),
    ...instruction.heredocs.map(({ body }) => body),
  ]);
}

/** The instructions of the file that count, in its order. */
export function countedInstructions(plan: ImportPlan): readonly Instruction[] {
  return [...plan.file.globals, ...plan.needed.flatMap(({ stage }) => [stage.from, ...stage.instructions])];
}

/**
 * The file's own text with images by other names and more instructions at the end of the target's stage. Everything
 * else stays as it is, line by line, so that the builder's messages name the lines of the file.
 */
export function spliceImport(
  plan: ImportPlan,
  text: string,
  nameOf: (key: string) => string,
  appended: readonly string[],
): { readonly text: string; readonly firstLine: number } {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const { escape } = plan.file.dockerfile;
  const changes = imageChanges(plan, nameOf);
  for (const instruction of plan.file.dockerfile.instructions) {
    const changed = changeNames(instruction, changes, escape);
    // A continuation that nothing follows would take what is appended for its own.
    if (changed === instruction.text && !instruction.isOpen) continue;
    const end = lines[instruction.line - 1]?.endsWith("\r") === true ? "\r" : "";
    lines.fill("", instruction.line - 1, instruction.headEnd);
    lines[instruction.line - 1] = changed + end;
  }
  leaveOutSyntax(lines, plan);
  const last = plan.target.instructions.at(-1) ?? plan.target.from;
  const isLastLine = last.end >= lines.length;
  lines.splice(last.end, 0, ...appended);
  const whole = lines.join("\n");
  return {
    text: whole.endsWith("\n") || (!isLastLine && appended.length === 0) ? whole : `${whole}\n`,
    firstLine: last.end + 1,
  };
}

/**
 * The frontend is the builder's own. Directives stand together at the top, so the place of the line that goes is taken
 * by a comment below the others.
 */
function leaveOutSyntax(lines: string[], plan: ImportPlan): void {
  const { directives } = plan.file.dockerfile;
  const syntax = directives.find(({ name }) => name === "syntax");
  const last = directives.at(-1);
  if (syntax === undefined || last === undefined) return;
  lines.splice(syntax.line - 1, 1);
  lines.splice(last.line - 1, 0, `# left out: syntax=${syntax.value} (the builder's own frontend reads this file)`);
}

function imageChanges(plan: ImportPlan, nameOf: (key: string) => string): readonly NameChange[] {
  return plan.uses.map(({ image, ...place }) => ({ ...place, name: nameOf(image.key) }));
}

/** An instruction's joined line with other names in it. */
export function changeNames(instruction: Instruction, changes: readonly NameChange[], escape: string): string {
  const spans = changes
    .filter((change) => change.instruction === instruction || change.instruction === instruction.trigger)
    .map((change) => spanOf(change, escape))
    .sort((a, b) => b.start - a.start);
  return spans.reduce((text, { start, end, now }) => text.slice(0, start) + now + text.slice(end), instruction.text);
}

function spanOf({ instruction, flag, name }: NameChange, escape: string): { start: number; end: number; now: string } {
  const found = flag === undefined ? undefined : instruction.flags[flag];
  if (found !== undefined) {
    const now = found.text.startsWith("--mount=")
      ? `--mount=${changeMount(found.text.slice(8), name)}`
      : `--from=${name}`;
    return { start: found.start, end: found.end, now: escapeFlag(now, escape) };
  }
  const start = trimEnd(instruction.text).length - instruction.rest.length;
  const base = /^[^\t\v\f\r ]*/.exec(instruction.rest)?.[0] ?? "";
  return { start, end: start + base.length, now: name };
}

function changeMount(value: string, name: string): string {
  if (parseMount(value).get("from") === undefined) return value;
  const fields = splitFields(value).map((field) => (/^from=/i.test(field) ? `from=${name}` : field));
  return fields.map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}

/** As the frontend's reading of flags takes it away again. */
function escapeFlag(text: string, escape: string): string {
  return text.replace(/[\s"'\\`]/g, (char) =>
    char === "\\" || char === "`" ? (char === escape ? char + char : char) : escape + char,
  );
}
