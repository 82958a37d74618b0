import { expandWords, GO_SPACE } from "./dockerfile-words";

/** One instruction of a Dockerfile, continuation lines joined. */
export interface Instruction {
  /** In upper case, for example `RUN`. */
  readonly keyword: string;
  /** The leading `--name[=value]` words, without their quotes. */
  readonly flags: readonly Flag[];
  /** What follows the flags. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  /** Where it begins; the first line is 1. */
  readonly line: number;
  /** Its own last line, before its here-documents. */
  readonly headEnd: number;
  /** Its last line. */
  readonly end: number;
  /** The joined line as BuildKit reads it. */
  readonly text: string;
  /** Of ONBUILD: the instruction that it keeps; places in it are of the same text. */
  readonly trigger: Instruction | undefined;
  /** Whether its last line ends in a continuation that nothing follows. */
  readonly isOpen: boolean;
}

export interface Flag {
  readonly text: string;
  /** Where it stands in the instruction's text. */
  readonly start: number;
  readonly end: number;
}

export interface Heredoc {
  readonly word: string;
  /** Its lines, without the last one's end; `null` where there are none, which is another file than an empty line. */
  readonly body: string | null;
}

export interface Directive {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

export interface Dockerfile {
  readonly kind: "parsed";
  readonly instructions: readonly Instruction[];
  readonly directives: readonly Directive[];
  /** `\`, or "`" by a directive. */
  readonly escape: string;
}

export type ParseResult = Dockerfile | { readonly kind: "broken"; readonly problem: string; readonly line: number };

const SPACES = new RegExp(`^[${GO_SPACE}]+`);
const END_SPACES = new RegExp(`[${GO_SPACE}]+$`);
const BLANKS = /[\t\v\f\r ]+/;

/**
 * Splits Dockerfile text into instructions by the rules of BuildKit's parser (frontend/dockerfile/parser): comments
 * and blank lines inside a continuation vanish, and here-documents belong to RUN, COPY and ADD unless the rest is JSON.
 */
export function parseDockerfile(text: string, defaultEscape = "\\"): ParseResult {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const directives = readDirectives(lines);
  const repeated = directives.find(({ name }, index) =>
    directives.slice(0, index).some((other) => other.name === name),
  );
  if (repeated !== undefined) {
    return { kind: "broken", problem: `the directive ${repeated.name} stands there twice`, line: repeated.line };
  }
  const escape = directives.find(({ name }) => name === "escape");
  if (escape !== undefined && escape.value !== "\\" && escape.value !== "`") {
    return { kind: "broken", problem: "the escape character must be \\ or `", line: escape.line };
  }
  const source = sourceOf(lines, escape?.value ?? defaultEscape);
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length;) {
    if (isSkipped(lines[index] ?? "")) {
      index += 1;
      continue;
    }
    const read = readInstruction(source, index);
    if (read.kind === "broken") return read;
    instructions.push(read.instruction);
    index = read.instruction.end;
  }
  return { kind: "parsed", instructions, directives, escape: source.escape };
}

/** A trigger as an image's config or a Dockerfile keeps it. */
export function parseTrigger(text: string, line: number): Instruction | undefined {
  const parsed = parseDockerfile(text);
  const [first, ...more] = parsed.kind === "parsed" ? parsed.instructions : [];
  return first === undefined || more.length > 0 ? undefined : { ...first, line, headEnd: line, end: line };
}

/** They stand at the very top; the first line that is none ends them. A `#!` line hides all but `syntax`. */
function readDirectives(lines: readonly string[]): readonly Directive[] {
  const hasShebang = (lines[0] ?? "").startsWith("#!");
  const found: Directive[] = [];
  for (let index = hasShebang ? 1 : 0; index < lines.length; index += 1) {
    const line = trimSpaces((lines[index] ?? "").replace(/[\r\n]+$/, ""));
    const [, name = "", value = ""] = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(line) ?? [];
    const known = name.toLowerCase();
    if (!["syntax", "escape", "check"].includes(known)) break;
    if (!hasShebang || known === "syntax") found.push({ name: known, value, line: index + 1 });
  }
  return found;
}

interface Source {
  readonly lines: readonly string[];
  readonly escape: string;
  /** Matches the end of a line that goes on: an escape character that is itself escaped continues nothing. */
  readonly continuation: RegExp;
}

function sourceOf(lines: readonly string[], escape: string): Source {
  const mark = `\\${escape}`;
  return { lines, escape, continuation: new RegExp(`([^${mark}])${mark}[ \\t]*$|^${mark}[ \\t]*$`, "s") };
}

function readInstruction(
  source: Source,
  start: number,
): { kind: "read"; instruction: Instruction } | { kind: "broken"; problem: string; line: number } {
  const line = start + 1;
  const joined = joinContinuation(source, start);
  const head = splitInstruction(joined.text, source.escape, 0);
  const heredocs = readHeredocs(source.lines, joined.next, heredocMarks(head));
  if (heredocs.kind === "open") {
    return { kind: "broken", problem: `its here-document ${heredocs.word} has no end line`, line };
  }
  const place = { line, headEnd: joined.next, end: heredocs.next, text: joined.text, isOpen: joined.isOpen };
  const own = { ...place, heredocs: heredocs.found };
  const inner = head.keyword === "ONBUILD" ? splitInstruction(joined.text, source.escape, head.restStart) : undefined;
  const trigger = inner === undefined ? undefined : { ...plain(inner), ...own, trigger: undefined };
  return { kind: "read", instruction: { ...plain(head), ...own, trigger } };
}

/** The fields of a mount; without a type it is a bind mount. Values may be quoted as in CSV. */
export function parseMount(value: string): ReadonlyMap<string, string> {
  const fields = splitFields(value).map((field) => {
    const [name = "", ...rest] = field.split("=");
    return [name.toLowerCase(), rest.join("=")] as const;
  });
  return new Map([["type", "bind"], ...fields]);
}

/** The fields of a line of CSV. */
export function splitFields(value: string): readonly string[] {
  const fields = value.match(/(?:"(?:[^"]|"")*"|[^,])+|(?<=^|,)(?=,|$)/g) ?? [];
  return fields.map((field) => (/^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field));
}

function isSkipped(line: string): boolean {
  const trimmed = trimSpaces(line);
  return trimmed === "" || trimmed.startsWith("#");
}

function joinContinuation(source: Source, start: number): { text: string; next: number; isOpen: boolean } {
  const { continuation } = source;
  let text = "";
  for (let index = start; index < source.lines.length; index += 1) {
    const line = (source.lines[index] ?? "").replace(/\r+$/, "");
    if (index > start && isSkipped(line)) continue;
    const own = index === start ? trimSpaces(line) : line;
    const isContinued = continuation.test(own);
    text += isContinued ? own.replace(continuation, "$1") : own;
    if (!isContinued) return { text, next: index + 1, isOpen: false };
  }
  return { text, next: source.lines.length, isOpen: true };
}

/** Without what Go takes for space at the beginning: JavaScript's `trim` takes other characters. */
export function trimSpaces(text: string): string {
  return text.replace(SPACES, "");
}

export function trimEnd(text: string): string {
  return text.replace(END_SPACES, "");
}

interface Head {
  readonly keyword: string;
  readonly flags: readonly Flag[];
  readonly rest: string;
  readonly restStart: number;
}

function plain(head: Head): Pick<Instruction, "keyword" | "flags" | "rest"> {
  return { keyword: head.keyword, flags: head.flags, rest: head.rest };
}

function splitInstruction(text: string, escape: string, from: number): Head {
  const start = from + (text.slice(from).length - trimSpaces(text.slice(from)).length);
  const blank = BLANKS.exec(text.slice(start));
  const wordEnd = blank === null ? text.length : start + blank.index;
  const keyword = text.slice(start, wordEnd).toUpperCase();
  const { flags, end } = readFlags(text, escape, wordEnd);
  const restStart = end + (text.slice(end).length - trimSpaces(text.slice(end)).length);
  return { keyword, flags, rest: trimEnd(text.slice(restStart)), restStart };
}

/** Words that begin with `--`; quotes and escapes are taken away from them (split_command.go). */
function readFlags(text: string, escape: string, from: number): { flags: Flag[]; end: number } {
  const flags: Flag[] = [];
  let at = from;
  for (;;) {
    at += text.slice(at).length - trimSpaces(text.slice(at)).length;
    if (!text.startsWith("--", at)) return { flags, end: at };
    const flag = readFlag(text, escape, at);
    at = flag.end;
    if (flag.text === "--") return { flags, end: at };
    flags.push(flag);
  }
}

function readFlag(text: string, escape: string, start: number): Flag {
  let word = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === "" && SPACES.test(char)) break;
    if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = "";
    else if (char === escape) {
      at += 1;
      word += text.charAt(at);
    } else word += char;
  }
  return { text: word, start, end: Math.min(at, text.length) };
}

interface HeredocMark {
  readonly word: string;
  readonly stripsTabs: boolean;
}

function heredocMarks(head: Head): readonly HeredocMark[] {
  const inner = head.keyword === "ONBUILD" ? splitInstruction(head.rest, "\\", 0) : head;
  if (!["RUN", "COPY", "ADD"].includes(inner.keyword) || jsonWords(inner.rest) !== undefined) return [];
  const raw = expandWords(inner.rest, { escape: "\\", lookUp: () => undefined, isRaw: true, keepsUnset: true });
  return raw.kind === "broken" ? [] : raw.words.flatMap((word) => heredocMark(word) ?? []);
}

/** What a word says of a here-document, if it begins one. */
export function heredocMark(word: string): HeredocMark | undefined {
  const [, dash = "", quoted = ""] = /^\d*<<(-?)\s*([^<]*)$/.exec(word) ?? [];
  if (quoted === "") return undefined;
  const name = expandWords(quoted, { escape: "\\", lookUp: () => undefined, keepsUnset: true });
  const [only, ...more] = name.kind === "broken" ? [] : name.words;
  return only === undefined || more.length > 0 ? undefined : { word: only, stripsTabs: dash === "-" };
}

function readHeredocs(
  lines: readonly string[],
  start: number,
  marks: readonly HeredocMark[],
): { kind: "read"; found: Heredoc[]; next: number } | { kind: "open"; word: string } {
  const found: Heredoc[] = [];
  let next = start;
  for (const { word, stripsTabs } of marks) {
    const isEnd = (line: string): boolean =>
      (stripsTabs ? line.replace(/^\t+/, "") : line).replace(/\r+$/, "") === word;
    const end = lines.findIndex((line, index) => index >= next && isEnd(line));
    if (end < 0) return { kind: "open", word };
    found.push({ word, body: end === next ? null : lines.slice(next, end).join("\n") });
    next = end + 1;
  }
  return { kind: "read", found, next };
}

/** The words of an instruction like COPY: JSON, or split at white space. Quotes in them are nothing special here. */
export function argumentWords(rest: string): readonly string[] {
  return jsonWords(rest) ?? rest.split(BLANKS).filter((word) => word !== "");
}

/** A JSON list of strings; whatever else begins with `[` is taken for words, as BuildKit does. */
function jsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word: unknown): word is string => typeof word === "string")
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** The words of ENV and ARG; quotes and escapes stay in them (line_parsers.go, parseWords). */
export function splitWords(text: string, escape: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (char === escape && quote !== "'") {
      // At the very end it is dropped.
      if (index + 1 < text.length) word += char + text.charAt(index + 1);
      index += 1;
    } else if (quote === "" && SPACES.test(char)) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (quote === "" && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = "";
      word += char;
    }
  }
  return word === "" ? words : [...words, word];
}
