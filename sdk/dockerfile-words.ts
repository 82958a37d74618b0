/** How text with variables is read; by the rules of BuildKit's frontend/dockerfile/shell/lex.go. */
export interface WordRules {
  /** The file's escape character. */
  readonly escape: string;
  readonly lookUp: (name: string) => string | undefined;
  /** Leaves quotes and escapes in the words. */
  readonly isRaw?: boolean;
  /** Leaves variables that are not known as they are written. */
  readonly keepsUnset?: boolean;
}

export type Words =
  | { readonly kind: "words"; readonly text: string; readonly words: readonly string[] }
  | { readonly kind: "broken"; readonly problem: string };

/** What Go takes for white space (unicode.IsSpace). */
export const GO_SPACE = "\\t\\n\\v\\f\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACE = new RegExp(`[${GO_SPACE}]`);

/** Expands variables and takes quotes away: `text` as one word, `words` split at spaces that are not quoted. */
export function expandWords(text: string, rules: WordRules): Words {
  const reader: Reader = { chars: Array.from(text), at: 0, rules };
  try {
    return { kind: "words", ...readUntil(reader, undefined, rules.isRaw === true) };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "broken", problem: error.message };
    throw error;
  }
}

/** Ends the reading; it never leaves this file. */
class Unreadable extends Error {}

interface Reader {
  readonly chars: readonly string[];
  at: number;
  readonly rules: WordRules;
}

function readUntil(reader: Reader, stop: string | undefined, isRaw: boolean): { text: string; words: string[] } {
  const { escape, lookUp: _ } = reader.rules;
  const found = new WordCollector();
  let text = "";
  for (let char = peek(reader); char !== undefined; char = peek(reader)) {
    if (char === stop) {
      reader.at += 1;
      return { text, words: found.end() };
    }
    if (char === "$") {
      const value = readVariable(reader, isRaw);
      text += value;
      found.addSplit(value);
    } else if (char === "'" || char === '"') {
      const value = char === "'" ? readSingleQuoted(reader) : readDoubleQuoted(reader, isRaw);
      text += value;
      found.addWhole(value);
    } else if (char === "<") {
      const value = readHeredocMark(reader);
      text += value;
      found.addWhole(value);
    } else if (char === escape) {
      reader.at += 1;
      const next = take(reader);
      const value = (isRaw ? char : "") + (next ?? "");
      text += value;
      if (value !== "") found.addWhole(value);
    } else {
      reader.at += 1;
      text += char;
      found.addSplit(char);
    }
  }
  if (stop !== undefined) throw new Unreadable(`it misses a ${stop}`);
  return { text, words: found.end() };
}

/** Words as they come: what is quoted is never split. */
class WordCollector {
  readonly #words: string[] = [];
  #word = "";

  addSplit(text: string): void {
    for (const char of text) {
      if (!SPACE.test(char)) this.#word += char;
      else if (this.#word !== "") this.end();
    }
  }

  addWhole(text: string): void {
    this.#word += text;
  }

  end(): string[] {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
    return this.#words;
  }
}

function peek(reader: Reader): string | undefined {
  return reader.chars[reader.at];
}

function take(reader: Reader): string | undefined {
  const char = peek(reader);
  reader.at += 1;
  return char;
}

function readSingleQuoted(reader: Reader): string {
  const start = reader.at;
  const end = reader.chars.indexOf("'", start + 1);
  if (end < 0) throw new Unreadable("it misses a closing '");
  reader.at = end + 1;
  const inner = reader.chars.slice(start + 1, end).join("");
  return reader.rules.isRaw === true ? `'${inner}'` : inner;
}

function readDoubleQuoted(reader: Reader, isRaw: boolean): string {
  const { escape } = reader.rules;
  const quote = reader.rules.isRaw === true ? '"' : "";
  let text = quote;
  reader.at += 1;
  for (;;) {
    const char = peek(reader);
    if (char === undefined) throw new Unreadable('it misses a closing "');
    if (char === '"') {
      reader.at += 1;
      return text + quote;
    }
    if (char === "$") {
      text += readVariable(reader, isRaw);
      continue;
    }
    reader.at += 1;
    if (char !== escape) {
      text += char;
      continue;
    }
    if (isRaw) text += char;
    const next = peek(reader);
    if (next === undefined) continue;
    // Before any other character it stays.
    if (next === '"' || next === "$" || next === escape) {
      reader.at += 1;
      text += next;
    } else text += char;
  }
}

/** `<<` takes the spaces behind it along: the word may stand apart. */
function readHeredocMark(reader: Reader): string {
  reader.at += 1;
  if (peek(reader) !== "<") return "<";
  reader.at += 1;
  let text = "<<";
  for (let char = peek(reader); char === " " || char === "\t" || char === "\r"; char = peek(reader)) {
    text += char;
    reader.at += 1;
  }
  return text;
}

function readVariable(reader: Reader, isRaw: boolean): string {
  reader.at += 1;
  const { lookUp, keepsUnset } = reader.rules;
  if (peek(reader) !== "{") {
    const name = readName(reader);
    if (name === "") return "$";
    return lookUp(name) ?? (keepsUnset === true ? `$${name}` : "");
  }
  reader.at += 1;
  const first = peek(reader);
  if (first === undefined || "{}:".includes(first)) throw new Unreadable("it has a bad substitution");
  const name = readName(reader);
  const char = take(reader) ?? "";
  const value = lookUp(name);
  const isKept = value === undefined && keepsUnset === true;
  switch (char) {
    case "}":
      return isKept ? `\${${name}}` : (value ?? "");
    case "/":
      return replaceIn(reader, name, value, isKept);
    case ":":
    case "+":
    case "-":
    case "?":
    case "#":
    case "%":
      return modify(reader, name, value, { isKept, mark: char, isRaw });
    default:
      throw new Unreadable("it has a bad substitution");
  }
}

function modify(
  reader: Reader,
  name: string,
  value: string | undefined,
  how: { readonly isKept: boolean; readonly mark: string; readonly isRaw: boolean },
): string {
  const isNullUnset = how.mark === ":";
  const mark = isNullUnset ? (take(reader) ?? "") : how.mark;
  const isPattern = mark === "#" || mark === "%";
  if (!"+-?#%".includes(mark) || mark === "" || (isNullUnset && isPattern)) {
    throw new Unreadable("it has a bad substitution");
  }
  const { text: word } = readUntil(reader, "}", isPattern);
  if (how.isKept) return `\${${name}${isNullUnset ? ":" : ""}${mark}${word}}`;
  const isSet = value !== undefined && !(isNullUnset && value === "");
  switch (mark) {
    case "-":
      return isSet ? value : word;
    case "+":
      return isSet ? word : "";
    case "?":
      if (isSet) return value;
      throw new Unreadable(`${name}: ${word === "" ? "it is not set" : word}`);
    default:
      return trim(value ?? "", word, mark);
  }
}

function trim(value: string, word: string, mark: string): string {
  const isGreedy = word.startsWith(mark);
  const pattern = toExpression(isGreedy ? word.slice(1) : word, isGreedy);
  if (mark === "#") return value.replace(new RegExp(`^${pattern}`, "su"), "");
  // The shortest match at the end is the one that begins last.
  const starts = Array.from({ length: value.length + 1 }, (_, index) => (isGreedy ? index : value.length - index));
  const start = starts.find((index) => new RegExp(`^${pattern}$`, "su").test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

function replaceIn(reader: Reader, name: string, value: string | undefined, isKept: boolean): string {
  const isAll = peek(reader) === "/";
  if (isAll) reader.at += 1;
  const { text: pattern } = readUntil(reader, "/", true);
  const { text: replacement } = readUntil(reader, "}", true);
  if (isKept) return `\${${name}/${pattern}/${replacement}}`;
  return (value ?? "").replace(new RegExp(toExpression(pattern, true), isAll ? "gsu" : "su"), () => replacement);
}

/** A shell pattern of `*`, `?` and escapes. */
function toExpression(pattern: string, isGreedy: boolean): string {
  return pattern.replace(/\\([\s\S])|[\s\S]/g, (part, escaped: string | undefined) => {
    if (escaped !== undefined) return escapeExpression(escaped);
    if (part === "*") return isGreedy ? ".*" : ".*?";
    return part === "?" ? "." : escapeExpression(part);
  });
}

function escapeExpression(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Letters, digits and `_`; digits or a special parameter stand alone. */
function readName(reader: Reader): string {
  const first = peek(reader) ?? "";
  if (/^[@*#?\-$!]$/.test(first)) return take(reader) ?? "";
  const part = /^\p{Nd}$/u.test(first) ? /^\p{Nd}$/u : /^[\p{L}\p{Nd}_]$/u;
  let name = "";
  for (let char = peek(reader); char !== undefined && part.test(char); char = peek(reader)) {
    name += char;
    reader.at += 1;
  }
  return name;
}
