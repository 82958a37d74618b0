import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The address of the Debian mirror that this machine's apt uses for a suite; undefined when it uses none.
 * @param {string} suite
 * @param {string} [folder] apt's settings
 * @returns {string | undefined}
 */
export function findAptMirror(suite, folder = "/etc/apt") {
  const parts = join(folder, "sources.list.d");
  const extra = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = [join(folder, "sources.list"), ...extra.map((name) => join(parts, name))];
  for (const file of files.filter((path) => existsSync(path))) {
    const mirror = inFile(file, suite);
    if (mirror) return mirror;
  }
  return undefined;
}

/** @param {string} file @param {string} suite */
function inFile(file, suite) {
  if (file.endsWith(".sources")) return inStanzas(readFileSync(file, "utf8"), suite);
  return file.endsWith(".list") ? inLines(readFileSync(file, "utf8"), suite) : undefined; // apt reads no others
}

/** `deb [options] URI suite component…` @param {string} text @param {string} suite */
function inLines(text, suite) {
  return text
    .split("\n")
    .map((line) => /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line))
    .find((match) => match?.[2] === suite)?.[1];
}

/** deb822: stanzas of `Key: value` @param {string} text @param {string} suite */
function inStanzas(text, suite) {
  for (const stanza of text.split(/\n\s*\n/)) {
    /** @param {string} key */
    const words = (key) => new RegExp(`^${key}:(.*)$`, "im").exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    const isUsed = words("Enabled")[0] !== "no" && words("Types").includes("deb");
    if (isUsed && words("Suites").includes(suite)) return words("URIs")[0];
  }
  return undefined;
}
