import { IgnoreRules, parseIgnoreFile } from "../../sdk/ignore";
import type { Random } from "./random";
import type { TreeItem } from "./tree-edits";

/** A folder with its ignore file. */
interface Folder {
  readonly items: readonly TreeItem[];
  readonly ignoreFile: string;
}

type Pair = readonly [Folder, Folder];

/** Each makes two folders that differ by one edit which lets another file in, or leaves one out. */
export const ignoreEdits: Readonly<Record<string, (random: Random) => Pair>> = {
  "pattern that leaves a file out": (r) => inRules(r, (rules) => [rules, [...rules, "src/a.py"]]),
  "pattern that leaves a folder out": (r) => inRules(r, (rules) => [rules, [...rules, "src"]]),
  "pattern that lets a file in": (r) =>
    inRules(r, (rules) => [
      ["src", ...rules],
      ["src", ...rules, "!src/a.py"],
    ]),
  "pattern that lets a file in of everything": (r) => inRules(r, () => [["**"], ["**", "!src/deep/x.log"]]),
  "at any depth": (r) => inRules(r, () => [["*.log"], ["**/*.log"]]),
  "order of two patterns": (r) =>
    inRules(r, () => [
      ["!src/a.py", "src"],
      ["src", "!src/a.py"],
    ]),
  "wildcard against its letter": (r) => inRules(r, () => [["src/*.py"], ["src/\\*.py"]]),
  "one character": (r) => inRules(r, () => [["src/?.py"], ["src/??.py"]]),
  "case of a letter": (r) => inRules(r, () => [["src/a.py"], ["src/A.py"]]),
  "content of a file that is left in": (r) => inContent(r, "src/a.py"),
};

/** Each makes two folders that differ by one edit of what is left out, or of how that is said. */
export const freeIgnoreEdits: Readonly<Record<string, (random: Random) => Pair>> = {
  "pattern that matches nothing": (r) => inRules(r, (rules) => [rules, [...rules, `no/${r.hex()}`]]),
  "pattern repeated": (r) => inRules(r, (rules) => [rules, [...rules, ...rules.slice(-1)]]),
  comment: (r) => inRules(r, (rules) => [rules, [`# ${r.hex()}`, "", ...rules]]),
  "way to write a path": (r) =>
    inRules(r, (rules) => [
      [...rules, "src"],
      [...rules, " ./src/../src/ "],
    ]),
  "content of a file that is left out": (r) => inContent(r, "top.log"),
  "file that is left out added": (r) => {
    const [items, text] = [someItems(r), r.hex()];
    const ignoreFile = "*.log\n";
    return [
      { items, ignoreFile },
      { items: [...items, file(`${text}.log`, text)], ignoreFile },
    ];
  },
};

/** What of a folder is taken; the folders above it come along. */
export function selectItems({ items, ignoreFile }: Folder): readonly TreeItem[] {
  const rules = new IgnoreRules(parseIgnoreFile(ignoreFile));
  const taken = items.filter(({ path }) => !rules.ignores(path));
  const isAbove = (folder: string): boolean => taken.some(({ path }) => path.startsWith(`${folder}/`));
  return items.filter((item) => taken.includes(item) || (item.type === "dir" && isAbove(item.path)));
}

function inRules(
  random: Random,
  edit: (rules: readonly string[]) => readonly [readonly string[], readonly string[]],
): Pair {
  const items = someItems(random);
  const [one, other] = edit(random.pick([["*.log"], ["*.log", "none"], ["**/x.*"]]));
  const asText = (rules: readonly string[]): string => rules.map((rule) => `${rule}\n`).join("");
  return [
    { items, ignoreFile: asText(one) },
    { items, ignoreFile: asText(other) },
  ];
}

function inContent(random: Random, path: string): Pair {
  const items = someItems(random);
  const changed = items.map((item) => (item.path === path ? file(path, random.hex()) : item));
  return [
    { items, ignoreFile: "*.log\n" },
    { items: changed, ignoreFile: "*.log\n" },
  ];
}

function someItems(random: Random): readonly TreeItem[] {
  return [
    { type: "dir", path: "src" },
    { type: "dir", path: "src/deep" },
    ...["src/a.py", "src/bb.py", "src/deep/x.log", "top.log", "z"].map((path) => file(path, random.hex())),
  ];
}

const file = (path: string, text: string): TreeItem => ({
  type: "file",
  path,
  executable: false,
  bytes: Buffer.from(text),
});
