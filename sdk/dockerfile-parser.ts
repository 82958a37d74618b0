/** One instruction of a Dockerfile, continuation lines joined. */
export interface Instruction {
  /** In upper case, for example `RUN`. */
  readonly keyword: string;
  /** The leading `--name[=value]` words. */
  readonly flags: readonly string[];
  /** What follows the flags. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  /** Where it begins; the first line is 1. */
  readonly line: number;
}

interface Heredoc {
  readonly word: string;
  readonly body: string;
}

export type ParseResult =
  | { readonly kind: "parsed"; readonly instructions: readonly Instruction[]; readonly directives: readonly string[] }
  | { readonly kind: "broken"; readonly problem: string; readonly line: number };

/**
 * Splits Dockerfile text into instructions by the rules of BuildKit's parser (frontend/dockerfile/parser): comments
 * and blank lines inside a continuation vanish, and here-documents belong to RUN, COPY and ADD unless the rest is JSON.
 */
export function parseDockerfile(text: string): ParseResult {
  const lines = text.split("\n");
  const directives: string[] = [];
  const instructions: Instruction[] = [];
  let index = 0;
  while (index < lines.length) {
    const trimmed = trimSpaces(lines[index] ?? "");
    if (trimmed === "" || trimmed.startsWith("#")) {
      const directive = /^#\s*(syntax|escape|check)\s*=/i.exec(trimmed)?.[1];
      if (directive !== undefined) directives.push(directive.toLowerCase());
      index += 1;
      continue;
    }
    const line = index + 1;
    const joined = joinContinuation(lines, index);
    if (joined === undefined) return { kind: "broken", problem: "its last line ends in a continuation", line };
    const head = splitInstruction(joined.text);
    const heredocs = readHeredocs(lines, joined.next, heredocWords(head));
    if (heredocs.kind === "open") {
      return { kind: "broken", problem: `its here-document ${heredocs.word} has no end line`, line };
    }
    instructions.push({ ...head, heredocs: heredocs.found, line });
    index = heredocs.next;
  }
  return { kind: "parsed", instructions, directives };
}

/** The parts of a `--mount=` flag's value; without a type it is a bind mount. */
export function parseMount(value: string): ReadonlyMap<string, string> {
  const fields = value.split(",").map((field) => {
    const [name = "", ...rest] = field.split("=");
    return [name.trim().toLowerCase(), rest.join("=")] as const;
  });
  return new Map([["type", "bind"], ...fields]);
}

/** What Go takes for spaces (unicode.IsSpace): U+0085, which JavaScript does not, and not U+FEFF, which JavaScript does. */
const SPACES = String.raw`[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const AROUND = new RegExp(`^${SPACES}|${SPACES}$`, "g");

function trimSpaces(text: string): string {
  return text.replace(AROUND, "");
}

function joinContinuation(lines: readonly string[], start: number): { text: string; next: number } | undefined {
  let text = "";
  for (let index = start; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const trimmed = trimSpaces(line);
    if (index > start && (trimmed === "" || trimmed.startsWith("#"))) continue;
    // An escaped backslash at the end is no continuation.
    const isContinued = /(^|[^\\])\\[ \t]*\r?$/.test(line);
    text += isContinued ? line.replace(/\\[ \t]*\r?$/, "") : line.replace(/\r$/, "");
    if (!isContinued) return { text, next: index + 1 };
  }
  return undefined;
}

function splitInstruction(text: string): Omit<Instruction, "heredocs" | "line"> {
  const [, keyword = "", after = ""] = /^\s*(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const flags: string[] = [];
  let rest = after;
  for (let match = /^(--\S+)\s*/.exec(rest); match !== null; match = /^(--\S+)\s*/.exec(rest)) {
    flags.push(match[1] ?? "");
    rest = rest.slice(match[0].length);
  }
  return { keyword: keyword.toUpperCase(), flags, rest: rest.trim() };
}

function heredocWords(head: Omit<Instruction, "heredocs" | "line">): readonly string[] {
  if (head.keyword === "ONBUILD") return heredocWords(splitInstruction(head.rest));
  if (!["RUN", "COPY", "ADD"].includes(head.keyword) || head.rest.startsWith("[")) return [];
  return splitWords(head.rest).flatMap((word) => {
    const match = /^\d*<<(-?)([^<]+)$/.exec(word);
    return match === null ? [] : [`${match[1] ?? ""}${(match[2] ?? "").replace(/["']/g, "")}`];
  });
}

function readHeredocs(
  lines: readonly string[],
  start: number,
  words: readonly string[],
): { kind: "read"; found: Heredoc[]; next: number } | { kind: "open"; word: string } {
  const found: Heredoc[] = [];
  let next = start;
  for (const marked of words) {
    const stripsTabs = marked.startsWith("-");
    const word = stripsTabs ? marked.slice(1) : marked;
    const isEnd = (line: string): boolean => (stripsTabs ? line.replace(/^\t+/, "") : line).replace(/\r$/, "") === word;
    const end = lines.findIndex((line, index) => index >= next && isEnd(line));
    if (end < 0) return { kind: "open", word };
    found.push({ word, body: lines.slice(next, end).join("\n") });
    next = end + 1;
  }
  return { kind: "read", found, next };
}

/** The words of a shell line; quotes and escapes stay in them. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (char === "\\" && quote !== "'") {
      word += char + text.charAt(index + 1);
      index += 1;
    } else if (quote === "" && /\s/.test(char)) {
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
