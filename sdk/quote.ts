/**
 * Text that arrives exactly as given, whatever it holds. The escaping rules are those of BuildKit's Dockerfile
 * frontend (frontend/dockerfile/shell/lex.go and parser/line_parsers.go); NUL, CR and LF are refused before.
 */

/** For ENV, WORKDIR and USER: a double-quoted word. JSON.stringify is no substitute: it leaves `$` to be expanded. */
export function quoteWord(text: string, escape = "\\"): string {
  return `"${escapeChars(text, `"$`, escape)}"`;
}

/** Before the escape character itself, too. */
function escapeChars(text: string, special: string, escape: string): string {
  return Array.from(text, (char) => (char === escape || special.includes(char) ? escape + char : char)).join("");
}

/** For the exec form of RUN, CMD and ENTRYPOINT, which expands nothing. */
export function quoteExec(args: readonly string[]): string {
  return JSON.stringify(args);
}

/** For the JSON form of COPY, which still expands variables in its paths. */
export function quoteCopy(paths: readonly string[], escape = "\\"): string {
  return JSON.stringify(paths.map((path) => escapeChars(path, `"'$`, escape)));
}

/** For an argument in a line of a POSIX shell. */
export function quoteShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** For an argument in a line of a POSIX shell, which puts these variables in and nothing else. */
export function quoteExpanding(text: string, variables: readonly string[]): string {
  return quoteShell(text).replace(REFERENCES, (reference: string, bare?: string, braced?: string) => {
    const name = bare ?? braced ?? "";
    return variables.includes(name) ? `'"\${${name}}"'` : reference;
  });
}

/** Whether a text names one of the variables, as `$NAME` or `${NAME}`. */
export function hasReference(text: string, variables: readonly string[]): boolean {
  return [...text.matchAll(REFERENCES)].some(([, bare, braced]) => variables.includes(bare ?? braced ?? ""));
}

const REFERENCES = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g;
