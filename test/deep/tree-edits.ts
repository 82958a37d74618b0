import type { Random } from "./random";

/** A file, folder or link with its content: what stands in a folder before anything of it is hashed. */
export type TreeItem =
  | { readonly type: "dir"; readonly path: string }
  | { readonly type: "file"; readonly path: string; readonly executable: boolean; readonly bytes: Buffer }
  | { readonly type: "link"; readonly path: string; readonly target: string };

type Tree = readonly TreeItem[];
type Pair<T> = readonly [T, T];

/** Each makes two trees that differ by one edit, in a random tree. */
export const treeEdits: Readonly<Record<string, (random: Random) => Pair<Tree>>> = {
  "byte changed": (r) => inBytes(r, (bytes) => [bytes, changedByte(r, bytes)]),
  "byte E8 against E9": (r) => inBytes(r, (bytes) => [appended(bytes, 0xe8), appended(bytes, 0xe9)]),
  "byte order mark added": (r) => inBytes(r, (bytes) => [bytes, Buffer.concat([Buffer.from("\ufeff"), bytes])]),
  "line ends LF against CRLF": (r) => inBytes(r, (bytes) => [appended(bytes, 0x0a), appended(bytes, 0x0d, 0x0a)]),
  "line end at the end": (r) => inBytes(r, (bytes) => [bytes, appended(bytes, 0x0a)]),
  "NUL at the end": (r) => inBytes(r, (bytes) => [bytes, appended(bytes, 0)]),
  "emptied file": (r) => inBytes(r, (bytes) => [bytes, Buffer.alloc(0)]),
  "exec bit": (r) => {
    const [path, bytes] = [r.word(), someBytes(r)];
    return around(r, [[file(path, bytes)], [file(path, bytes, true)]]);
  },
  "exec bit of the other file": (r) => {
    const bytes = someBytes(r);
    return around(r, [
      [file("p", bytes, true), file("q", bytes)],
      [file("p", bytes), file("q", bytes, true)],
    ]);
  },
  "boundary between name and content moved": (r) => {
    const [name, bytes] = [r.word(), someBytes(r)];
    const moved = Buffer.concat([Buffer.from("x"), bytes]);
    return around(r, [[file(`${name}x`, bytes)], [file(name, moved)]]);
  },
  "boundary between two contents moved": (r) => {
    const [one, other] = [someBytes(r), someBytes(r)];
    return around(r, [
      [file("p", appended(one, 0x78)), file("q", other)],
      [file("p", one), file("q", Buffer.concat([Buffer.from("x"), other]))],
    ]);
  },
  "boundary between name and target moved": (r) => {
    const [name, target] = [r.word(), r.word()];
    return around(r, [[link(`${name}x`, target)], [link(name, `x${target}`)]]);
  },
  "contents of two files exchanged": (r) => {
    const [one, other] = [appended(someBytes(r), 1), appended(someBytes(r), 2)];
    return around(r, [
      [file("p", one), file("q", other)],
      [file("p", other), file("q", one)],
    ]);
  },
  "file added": (r) => around(r, [[], [file(r.word(), someBytes(r))]]),
  "empty file added": (r) => around(r, [[], [file(r.word(), Buffer.alloc(0))]]),
  "empty folder added": (r) => around(r, [[], [folder(r.word())]]),
  "empty folder in an empty folder": (r) => around(r, [[folder("p")], [folder("p"), folder(`p/${r.word()}`)]]),
  "file split in two": (r) => {
    const bytes = appended(someBytes(r), 1);
    return around(r, [[file("p", bytes)], [file("p", bytes.subarray(0, 1)), file("q", bytes.subarray(1))]]);
  },
  "file against empty folder": (r) => against(r, (path) => [file(path, Buffer.alloc(0)), folder(path)]),
  "link against a file that holds the target": (r) =>
    against(r, (path) => [link(path, "target"), file(path, Buffer.from("target"))]),
  "link against a copy of what it points to": (r) => {
    const bytes = someBytes(r);
    return around(r, [
      [file("p", bytes), link("q", "p")],
      [file("p", bytes), file("q", bytes)],
    ]);
  },
  "link against folder": (r) => against(r, (path) => [link(path, "."), folder(path)]),
  "target of a link": (r) => {
    const target = r.word();
    return against(r, (path) => [link(path, `${target}1`), link(path, `${target}2`)]);
  },
  "target written in another way": (r) => against(r, (path) => [link(path, "p"), link(path, "./p")]),
  renamed: (r) => inName(r, (name) => [`${name}1`, `${name}2`]),
  "renamed to other case": (r) => inName(r, (name) => [`${name}q`, `${name}Q`]),
  "renamed from composed to decomposed": (r) => inName(r, (name) => [`${name}ü`, `${name}u\u0308`]),
  "renamed to a character above eight bits": (r) => inName(r, (name) => [`${name}B`, `${name}ł`]),
  "blank at the end of a name": (r) => inName(r, (name) => [name, `${name} `]),
  "line feed in a name": (r) => inName(r, (name) => [`${name}n`, `${name}\n`]),
  "moved into a folder": (r) => {
    const [path, bytes] = [r.word(), someBytes(r)];
    return around(r, [
      [folder("p"), file(path, bytes)],
      [folder("p"), file(`p/${path}`, bytes)],
    ]);
  },
  "moved to another folder": (r) => {
    const [path, bytes] = [r.word(), someBytes(r)];
    const folders = [folder("p"), folder("q")];
    return around(r, [
      [...folders, file(`p/${path}`, bytes)],
      [...folders, file(`q/${path}`, bytes)],
    ]);
  },
  "folder against its name in a file's": (r) => {
    const bytes = someBytes(r);
    return around(r, [
      [folder("p"), file("p/q", bytes)],
      [file("pq", bytes), folder("p")],
    ]);
  },
  "entry's own description as a name": (r) => {
    // What an entry would look like to a hash that does not say where a name ends.
    const name = r.word();
    return around(r, [[folder(name), folder(`${name}z`)], [folder(`${name}d${Buffer.byteLength(name) + 1}:${name}z`)]]);
  },
};

/** Each makes two trees that differ by one edit of what does not count. */
export const freeTreeEdits: Readonly<Record<string, (random: Random) => Pair<Tree>>> = {
  "order of reading": (r) => {
    const [items] = treeEdits["file added"]?.(r) ?? [[]];
    const more = [...items, folder("Z"), file("Z/x", someBytes(r))];
    return [more, more.toReversed()];
  },
};

const folder = (path: string): TreeItem => ({ type: "dir", path });
const link = (path: string, target: string): TreeItem => ({ type: "link", path, target });

function file(path: string, bytes: Buffer, executable = false): TreeItem {
  return { type: "file", path, executable, bytes };
}

function someBytes(random: Random): Buffer {
  return Buffer.from(random.list(() => random.below(256), 1, 12));
}

const appended = (bytes: Buffer, ...more: readonly number[]) => Buffer.concat([bytes, Buffer.from(more)]);

function changedByte(random: Random, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = random.below(bytes.length);
  changed[at] = (bytes[at] ?? 0) ^ (1 + random.below(255));
  return changed;
}

function inBytes(random: Random, edit: (bytes: Buffer) => Pair<Buffer>): Pair<Tree> {
  const [one, other] = edit(someBytes(random));
  const executable = random.below(2) === 1;
  return against(random, (path) => [file(path, one, executable), file(path, other, executable)]);
}

/** A file, a folder or a link of one name, then of the other. */
function inName(random: Random, edit: (name: string) => Pair<string>): Pair<Tree> {
  const [one, other] = edit(random.word());
  const bytes = someBytes(random);
  const make = random.pick([folder, (path: string) => file(path, bytes), (path: string) => link(path, "p")]);
  return around(random, [[make(one)], [make(other)]]);
}

function against(random: Random, make: (path: string) => Pair<TreeItem>): Pair<Tree> {
  const [one, other] = make(random.word());
  return around(random, [[one], [other]]);
}

/** Both among the same random entries. Those and the edited ones have a folder each, so that names never meet. */
function around(random: Random, [one, other]: Pair<Tree>): Pair<Tree> {
  const beside = random.pick(["A", "z", "🐢"]);
  const more = random
    .list(() => random.word(), 0, 2)
    .map((name, index) => file(`${beside}/${index}${name}`, someBytes(random)));
  const place = random.pick(["", "m/", "m/n/"]);
  const parents = place === "" ? [] : place === "m/" ? [folder("m")] : [folder("m"), folder("m/n")];
  // At the root, the random neighbours could have the name of an edited entry.
  const rest = place === "" ? [] : [folder(beside), ...more];
  const within = (items: Tree) => [...rest, ...parents, ...items.map((item) => ({ ...item, path: place + item.path }))];
  return [within(one), within(other)];
}
