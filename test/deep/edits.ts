import type { ResolvedMount, ResolvedSpec } from "../../sdk/spec";
import { freeIgnoreEdits, ignoreEdits, selectItems } from "./ignore-edits";
import { freeImportEdits, importEdits } from "./import-edits";
import { freeMountEdits, mountEdits } from "./mount-edits";
import { Random } from "./random";
import { freeSpecEdits, specEdits } from "./spec-edits";
import { freeTreeEdits, treeEdits, type TreeItem } from "./tree-edits";

/** A way to hash, the sdk's or a broken one. */
export interface Hashing {
  readonly spec: (spec: ResolvedSpec) => string;
  readonly mounts: (mounts: readonly ResolvedMount[]) => string;
  /** Of entries in any order. */
  readonly tree: (items: readonly TreeItem[]) => string;
}

export interface EditRun {
  readonly pairs: number;
  readonly kinds: number;
  /** Of what does not count: pairs and kinds. Their two hashes must be one. */
  readonly freePairs: number;
  readonly freeKinds: number;
  /** How often each kind of edit went wrong: left the hash as it was, or changed it and should not. Others are missing. */
  readonly wrong: Readonly<Record<string, number>>;
  /** The first pair of each of those kinds. */
  readonly examples: readonly string[];
}

export function describeRun({ pairs, kinds, freePairs, freeKinds, wrong }: EditRun): string {
  const count = (isFree: boolean): number =>
    Object.entries(wrong).reduce((sum, [name, times]) => sum + (name.startsWith(FREE) === isFree ? times : 0), 0);
  const counted = `${pairs} pairs of ${kinds} kinds, ${count(false)} with one hash`;
  return `${counted}; ${freePairs} of ${freeKinds} kinds that do not count, ${count(true)} with two`;
}

const FREE = "free: ";
/** A Dockerfile is read for each of its hashes, a pattern for each path: those pairs come in every 20th round. */
const SLOW_EVERY = 20;

interface Kind {
  readonly name: string;
  /** Whether the edit is of something that does not count. */
  readonly isFree: boolean;
  readonly isSlow: boolean;
  /** The pair as text, if its hashes are wrong. */
  readonly findWrong: () => string | undefined;
}

/** Hashes pairs that differ by one edit, each kind of edit in turn; `count` of those that count, and the others along. */
export function findWrongPairs(
  hashing: Hashing,
  { seed, count }: { readonly seed: number; readonly count: number },
): EditRun {
  const random = new Random(seed);
  const kinds = kindsOf(hashing, random);
  const counted = kinds.filter(({ isFree }) => !isFree);
  const free = kinds.filter(({ isFree }) => isFree);
  const wrong: Record<string, number> = {};
  const examples: string[] = [];
  let [pairs, freePairs] = [0, 0];
  for (let round = 0; pairs < count; round += 1) {
    const due = counted.filter(({ isSlow }) => !isSlow || round % SLOW_EVERY === 0);
    const now = [...due.slice(0, count - pairs), ...(round % SLOW_EVERY === 0 ? free : [])];
    for (const { name, isFree, findWrong } of now) {
      if (isFree) freePairs += 1;
      else pairs += 1;
      const example = findWrong();
      if (example === undefined) continue;
      if (wrong[name] === undefined) examples.push(`${name}: ${example}`);
      wrong[name] = (wrong[name] ?? 0) + 1;
    }
  }
  return { pairs, kinds: counted.length, freePairs, freeKinds: free.length, wrong, examples };
}

type Edits<T> = Readonly<Record<string, (random: Random) => readonly [T, T]>>;

function kindsOf(hashing: Hashing, random: Random): readonly Kind[] {
  const of = <T>(prefix: string, isFree: boolean, edits: Edits<T>, hash: (value: T) => string): readonly Kind[] =>
    Object.entries(edits).map(([name, make]) => ({
      name: prefix + name,
      isFree,
      isSlow: prefix.includes("import: ") || prefix.includes("ignore: "),
      findWrong: () => hashPair(make(random), hash, isFree),
    }));
  return [
    ...of("", false, specEdits, hashing.spec),
    ...of("import: ", false, importEdits, hashing.spec),
    ...of("mount: ", false, mountEdits, hashing.mounts),
    ...of("files: ", false, treeEdits, hashing.tree),
    ...of("ignore: ", false, ignoreEdits, (folder) => hashing.tree(selectItems(folder))),
    ...of(FREE, true, freeSpecEdits, hashing.spec),
    ...of(`${FREE}import: `, true, freeImportEdits, hashing.spec),
    ...of(`${FREE}mount: `, true, freeMountEdits, hashing.mounts),
    ...of(`${FREE}files: `, true, freeTreeEdits, hashing.tree),
    ...of(`${FREE}ignore: `, true, freeIgnoreEdits, (folder) => hashing.tree(selectItems(folder))),
  ];
}

/** The pair as text, if its hashes are not as they should be. */
function hashPair<T>([one, other]: readonly [T, T], hash: (value: T) => string, isFree: boolean): string | undefined {
  const isEqual = hash(one) === hash(other);
  if (!isEqual && !isFree) return undefined;
  const texts = [JSON.stringify(one), JSON.stringify(other)];
  // Else a mistake in the table of edits would look like one of the hash, or hide one.
  if (texts[0] === texts[1]) throw new Error(`the edit changed nothing: ${texts[0]}`);
  return isEqual === isFree ? undefined : texts.join(" and ");
}
