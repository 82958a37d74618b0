import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hashTree } from "../../sdk/files";
import { HashCache } from "../../sdk/hash-cache";
import { listTree } from "../../sdk/list-tree";
import type { FileEntry } from "../../sdk/tree";
import type { Random } from "./random";

const FOLDERS = 10;
const FILES = 30;
/** The same for all files, whenever they are written: times tell nothing. */
const TIME = 1_700_000_000;
const HOUR_MS = 3_600_000;
/** The longest step of Linux' clock of files (HZ=100), and a little more: the cache waits for a minute instead. */
const TICK_MS = 12;

/** What random edits of a folder did to its cached hash. */
export interface CacheRun {
  readonly rounds: number;
  readonly filesKnown: number;
  readonly filesRead: number;
  /** How often each edit was made. */
  readonly edits: Readonly<Record<string, number>>;
  /** The edits of rounds whose cached hash was not that of the files. */
  readonly fooledBy: readonly string[];
}

/** Edits a folder at random, and compares its hash with and without a cache after each round of edits. */
export async function editCached(folder: string, random: Random, rounds: number): Promise<CacheRun> {
  const tree = join(folder, "tree");
  writeTree(tree, random);
  const nowMs = (): number => Date.now() + HOUR_MS;
  const cache = new HashCache({ folder: join(folder, "cache"), nowMs, isTrusted: () => true }).of("tree");
  const counts: Record<string, number> = {};
  const fooledBy: string[] = [];
  let [filesKnown, filesRead] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const listed = await listTree(tree);
    const names = random.list(() => random.pick(Object.keys(edits)), 1, 3);
    for (const name of names) {
      edits[name]?.({ folder, tree, random });
      counts[name] = (counts[name] ?? 0) + 1;
    }
    // What was listed before the edits is hashed after them: none of that may be taken for what was listed.
    if (random.below(4) === 0) await hashTree(listed, {}, cache).catch(() => undefined);
    if (random.below(8) === 0) await hashWhileAway({ folder, tree, random }, cache);
    const now = await listTree(tree);
    const files = now.filter((entry): entry is FileEntry => entry.type === "file");
    const unknown = cache.read(files)?.find(files).unknown.length ?? 0;
    filesRead += unknown;
    filesKnown += files.length - unknown;
    const isRight = (await hashTree(now, {}, cache)) === (await hashTree(now));
    if (!isRight) fooledBy.push(names.join(" + "));
    await new Promise((done) => setTimeout(done, TICK_MS));
  }
  return { rounds, filesKnown, filesRead, edits: counts, fooledBy };
}

interface Place {
  readonly folder: string;
  readonly tree: string;
  readonly random: Random;
}

/** Between listing and reading, a folder of other files stands in the place of one. */
async function hashWhileAway({ folder, tree, random }: Place, cache: ReturnType<HashCache["of"]>): Promise<void> {
  const listed = await listTree(tree);
  const [own, away] = [join(tree, random.pick(readdirSync(tree))), join(folder, "away")];
  renameSync(own, away);
  mkdirSync(own);
  for (const name of readdirSync(away)) write(join(own, name), random);
  await hashTree(listed, {}, cache);
  rmSync(own, { recursive: true });
  renameSync(away, own);
}

/** Each leaves sizes and mtimes as they are, where it can. */
const edits: Readonly<Record<string, (place: Place) => void>> = {
  "written in place": ({ tree, random }) => write(pickFile(tree, random), random, "r+"),
  "truncated and written": ({ tree, random }) => write(pickFile(tree, random), random),
  "removed and written anew": ({ tree, random }) => {
    // The inode's number is often the same.
    const path = pickFile(tree, random);
    rmSync(path);
    write(path, random);
  },
  "replaced by rename": ({ folder, tree, random }) => {
    write(join(folder, "beside"), random);
    renameSync(join(folder, "beside"), pickFile(tree, random));
  },
  "written through another name": ({ folder, tree, random }) => {
    linkSync(pickFile(tree, random), join(folder, "other"));
    write(join(folder, "other"), random, "r+");
    rmSync(join(folder, "other"));
  },
  "two names of one file": ({ tree, random }) => {
    const [path, other] = [pickFile(tree, random), pickFile(tree, random)];
    if (path === other) return;
    rmSync(other);
    linkSync(path, other);
  },
  "two files exchanged": ({ folder, tree, random }) => exchange(folder, pickFile(tree, random), pickFile(tree, random)),
  "two folders exchanged": ({ folder, tree, random }) =>
    exchange(folder, join(tree, random.pick(readdirSync(tree))), join(tree, random.pick(readdirSync(tree)))),
  "written and written back": ({ tree, random }) => {
    const path = pickFile(tree, random);
    writeFileSync(path, "12345678");
    write(path, random);
  },
  appended: ({ tree, random }) => appendFileSync(pickFile(tree, random), "more"),
  truncated: ({ tree, random }) => truncateSync(pickFile(tree, random), 4),
  "exec bit": ({ tree, random }) => {
    const path = pickFile(tree, random);
    chmodSync(path, statSync(path).mode ^ 0o100);
  },
  touched: ({ tree, random }) => utimesSync(pickFile(tree, random), TIME, TIME),
};

function writeTree(tree: string, random: Random): void {
  for (let index = 0; index < FOLDERS; index += 1) {
    mkdirSync(join(tree, `d${index}`), { recursive: true });
    for (let file = 0; file < FILES; file += 1) write(join(tree, `d${index}`, `f${file}`), random);
  }
}

/** Eight random bytes, at the time of all others. */
function write(path: string, random: Random, flag: "r+" | "w" = "w"): void {
  writeFileSync(path, random.hex().slice(0, 8), { flag });
  utimesSync(path, TIME, TIME);
}

function pickFile(tree: string, random: Random): string {
  const folder = join(tree, random.pick(readdirSync(tree)));
  return join(folder, random.pick(readdirSync(folder)));
}

function exchange(folder: string, one: string, other: string): void {
  if (one === other) return;
  renameSync(one, join(folder, "third"));
  renameSync(other, one);
  renameSync(join(folder, "third"), other);
}
