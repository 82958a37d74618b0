/** Whether a source is a pattern. Escapes stand before any character, as in Go's filepath.Match. */
export function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text.replace(/\\[\s\S]/g, ""));
}

/** What a source without wildcards names. */
export function unescapeSource(text: string): string {
  return text.replace(/\\([\s\S])/g, "$1");
}

/** A source that names just this. */
export function escapeSource(text: string): string {
  return text.replace(/[\\*?[]/g, "\\$&");
}

/** A pattern of Go's filepath.Match for one name. */
export function toExpression(pattern: string): RegExp {
  const source = pattern.replace(
    /\\([\s\S])|\[(\^?)((?:\\[\s\S]|[^\]\\])+)\]|[\s\S]/g,
    (part, escaped: string | undefined, not: string | undefined, set: string | undefined) => {
      if (escaped !== undefined) return literal(escaped);
      if (set !== undefined)
        return `[${not ?? ""}${set.replace(/\\([\s\S])|[[\]^]/g, (char, inner: string | undefined) => `\\${inner ?? char}`)}]`;
      return part === "*" ? "[^/]*" : part === "?" ? "[^/]" : literal(part);
    },
  );
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    // Go takes what it cannot read for something that matches nothing.
    return /^(?!)/;
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
