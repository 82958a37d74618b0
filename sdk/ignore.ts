import { SlipwayError } from "./error";

/**
 * The patterns of a `.dockerignore`, in the form that {@link IgnoreRules} takes: as moby's ignorefile.ReadAll reads them.
 */
export function parseIgnoreFile(text: string): readonly string[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  return cleanPatterns(lines.filter((line) => !line.startsWith("#")));
}

/** Patterns as a line of a `.dockerignore` would give them: trimmed, without `./`, `..` and a `/` at either end. */
export function cleanPatterns(patterns: readonly string[]): readonly string[] {
  return patterns.map(trimSpace).filter(Boolean).map(cleanLine);
}

function cleanLine(line: string): string {
  const mark = line.startsWith("!") ? "!" : "";
  const text = trimSpace(line.slice(mark.length));
  if (text === "") return mark;
  const path = cleanPath(text);
  return mark + (path.length > 1 && path.startsWith("/") ? path.slice(1) : path);
}

/**
 * Which paths a list of `.dockerignore` patterns leaves out, as BuildKit does: moby/patternmatcher with its
 * MatchesUsingParentResults, folder by folder. The last pattern that matches a path or a folder above it decides; `!`
 * takes back. Patterns are `/`-separated on every machine.
 *
 * `docs` and `!docs/README.md` ignore `docs/a.md`; docs itself is walked, for README.md may be below it.
 */
export class IgnoreRules {
  readonly #patterns: readonly Pattern[];
  /** What is asked comes folder by folder: the folder before knows what its files need. */
  #last: { readonly folder: string; readonly matched: readonly boolean[] } = { folder: "", matched: [] };

  /** @throws SlipwayError INVALID_ARGUMENT, for a pattern that moby refuses or reads as something else than it says */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(trimSpace).filter(Boolean).map(compilePattern);
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** Whether a path is left out, by itself or by a folder above it. */
  ignores(path: string): boolean {
    if (this.isEmpty) return false;
    return isIgnored(this.#patterns, this.#match(path, this.#matchFolder(parentOf(path))));
  }

  /** Whether something below an ignored folder may not be ignored: else the folder need not be walked. */
  mayIncludeBelow(folder: string): boolean {
    return this.#patterns.some((pattern) => pattern.isException && mayMatchBelow(pattern, folder));
  }

  #matchFolder(folder: string): readonly boolean[] {
    if (folder === "") return [];
    if (this.#last.folder === folder) return this.#last.matched;
    const matched = this.#match(folder, this.#matchFolder(parentOf(folder)));
    this.#last = { folder, matched };
    return matched;
  }

  /** For each pattern, whether it is known to match: one that could change nothing is not asked (moby does the same). */
  #match(path: string, parent: readonly boolean[]): readonly boolean[] {
    let isOut = false;
    return this.#patterns.map(({ isException, matches }, index) => {
      const isMatch = parent[index] === true || (isException === isOut && matches(path));
      if (isMatch) isOut = !isException;
      return isMatch;
    });
  }
}

function isIgnored(patterns: readonly Pattern[], matched: readonly boolean[]): boolean {
  const last = matched.lastIndexOf(true);
  return last >= 0 && patterns[last]?.isException === false;
}

interface Pattern {
  /** Without its `!`. */
  readonly text: string;
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

function compilePattern(given: string): Pattern {
  const line = cleanPath(given);
  const isException = line.startsWith("!");
  const text = isException ? line.slice(1) : line;
  if (text === "") throw malformed(given, "is an exception of nothing", "Name after the ! what is to stay.");
  checkSyntax(given, text);
  return { text, isException, matches: compileMatch(given, text) };
}

/** The syntax of Go's filepath.Match, to which moby holds every pattern. */
function checkSyntax(given: string, text: string): void {
  const escapes: readonly string[] = text.match(/\\./gsu) ?? [];
  if (escapes.some((escape) => /[a-zA-Z0-9\u0080-\u{10ffff}]/u.test(escape))) {
    throw malformed(given, "has a \\ before a letter", "Folders are divided by /; \\ makes * ? [ ] \\ plain.");
  }
  const part = /\\./su.source;
  const plain = /[^\\\]-]/su.source;
  const inClass = `(?:${part}|${plain})(?:-(?:${part}|${plain}))?`;
  const whole = new RegExp(`^(?:[^\\\\[]|${part}|\\[\\^?(?:${inClass})+\\])*$`, "su");
  if (!whole.test(text)) throw malformed(given, "is malformed", "A [ needs its ]; \\[ and \\\\ are plain characters.");
}

/** Moby's four kinds of match, chosen as moby chooses. */
function compileMatch(given: string, text: string): (path: string) => boolean {
  const wildcards = text.replace(/^\*\*\/?/, "");
  if (text.startsWith("**") && !/[*?[\]\\]/.test(wildcards)) {
    const suffix = text.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
  }
  if (!/[*?[\]\\]/.test(text)) return (path) => path === text;
  if (/^[^*?[\]\\]+\*\*$/.test(text)) {
    const prefix = text.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  try {
    const regexp = new RegExp(toJsRegExp(toGoRegExp(text)), "u");
    return (path) => regexp.test(path);
  } catch {
    throw malformed(
      given,
      "is malformed",
      "Ranges in [ ] go up, {2} needs something before it; \\ makes a character plain.",
    );
  }
}

/**
 * The regular expression that moby's Pattern.compile makes, with its oddities: beside a wildcard, `[*]` is no star, and
 * `^`, `|` and `{2}` are no letters (its table of what to escape ends before `{`).
 */
function toGoRegExp(text: string): string {
  return text.replace(/\*\*\/?$|\*\*\/?|\*|\?|\\.|[.+()$]/gsu, (token, offset: number) => {
    if (token.startsWith("**")) return offset + token.length === text.length ? ".*" : "(.*/)?";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    return token.startsWith("\\") ? token : `\\${token}`;
  });
}

/** The same in JavaScript's syntax: what is no operator is written by its number. */
function toJsRegExp(go: string): string {
  // A class; its first character may be ].
  const tokens = go.match(/\[\^?(?:\\.|[^\\])(?:\\.|[^\\\]])*\]|\{\d+(?:,\d*)?\}|\\.|./gsu) ?? [];
  const parts = tokens.map((token) => {
    if (token.length > 1 && token.startsWith("[")) return toJsClass(token);
    if (token === ".") return "[^\\n]";
    return /^(?:[()*?^|]|\{.+)$/.test(token) ? token : literal(token);
  });
  return `^${parts.join("")}$`;
}

function toJsClass(token: string): string {
  const isNegated = token.startsWith("[^");
  const inner = token.slice(isNegated ? 2 : 1, -1);
  const ranges = [...inner.matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gsu)].map(([, low = "", high]) =>
    high === undefined ? literal(low) : `${literal(low)}-${literal(high)}`,
  );
  return `[${isNegated ? "^" : ""}${ranges.join("")}]`;
}

/** A character, or one after a backslash. */
function literal(token: string): string {
  const character = token.length > 1 && token.startsWith("\\") ? token.slice(1) : token;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function mayMatchBelow({ text }: Pattern, folder: string): boolean {
  const below = `${folder}/`;
  if (!/[*?[\]\\]/.test(text)) return text.startsWith(below);
  if (/[|{^]/.test(text)) return true;
  const start = /^[^*?[\]\\]*/.exec(text)?.[0] ?? "";
  // Without ** and classes, which match a / as well, a pattern has as many parts as what it matches.
  const isByParts = !/\*\*|[[\\]/.test(text);
  if (isByParts && text.split("/").length < below.split("/").length) return false;
  return start.startsWith(below) || below.startsWith(start);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Go's filepath.Clean. */
function cleanPath(path: string): string {
  const isAbsolute = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!isAbsolute) parts.push(part);
  }
  const clean = parts.join("/");
  return isAbsolute ? `/${clean}` : clean === "" ? "." : clean;
}

/** Go's strings.TrimSpace, which knows U+0085 and leaves U+FEFF. */
function trimSpace(text: string): string {
  const space = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
  return text.replace(new RegExp(`^${space}|${space}$`, "gu"), "");
}

function malformed(pattern: string, found: string, hint: string): SlipwayError {
  return new SlipwayError({
    code: "INVALID_ARGUMENT",
    text: `the ignore pattern ${JSON.stringify(pattern)} ${found}.`,
    hint,
  });
}
