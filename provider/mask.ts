/** Shorter parts of a file are words that may well stand elsewhere. */
const SHORTEST_PART = 6;

/**
 * Makes texts without secrets: their values, the lines of those, and what stands last on a line, where files like
 * .netrc and .npmrc have their passwords; each also as it is written in a URL.
 */
export function maskSecrets(values: readonly string[]): (text: string) => string {
  const parts = values.flatMap((value) => {
    const lines = value.split(/\r?\n/).map((line) => line.trim());
    const words = lines.map((line) => line.split(/[\s=]+/).at(-1) ?? "");
    return [value, value.trim(), ...[...lines, ...words].filter((part) => part.length >= SHORTEST_PART)];
  });
  const forms = new Set(parts.flatMap((part) => [part, encodeURIComponent(part.toWellFormed())]));
  forms.delete("");
  // The longest first, or a part of it would hide where it ends.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, "***"), text);
}
