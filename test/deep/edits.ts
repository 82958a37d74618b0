import type { ResolvedSpec } from "../../sdk/spec";
import { Random } from "./random";
import { specEdits } from "./spec-edits";
import { treeEdits, type TreeItem } from "./tree-edits";

/** A way to hash, the sdk's or a broken one. */
export interface Hashing {
  readonly spec: (spec: ResolvedSpec) => string;
  /** Of entries in any order. */
  readonly tree: (items: readonly TreeItem[]) => string;
}

export interface EditRun {
  readonly pairs: number;
  readonly kinds: number;
  /** How often each kind of edit left the hash as it was; kinds that always changed it are missing. */
  readonly equal: Readonly<Record<string, number>>;
  /** The first pair of each of those kinds. */
  readonly examples: readonly string[];
}

/** Hashes pairs that differ by one edit, each kind of edit in turn. */
export function findEqualPairs(
  hashing: Hashing,
  { seed, count }: { readonly seed: number; readonly count: number },
): EditRun {
  const random = new Random(seed);
  const kinds = [
    ...Object.entries(specEdits).map(([name, make]) => ({
      name,
      hashPair: () => hashPair(make(random), hashing.spec),
    })),
    ...Object.entries(treeEdits).map(([name, make]) => ({
      name: `files: ${name}`,
      hashPair: () => hashPair(make(random), hashing.tree),
    })),
  ];
  const equal: Record<string, number> = {};
  const examples: string[] = [];
  let pairs = 0;
  while (pairs < count) {
    for (const { name, hashPair } of kinds.slice(0, count - pairs)) {
      const example = hashPair();
      pairs += 1;
      if (example === undefined) continue;
      if (equal[name] === undefined) examples.push(`${name}: ${example}`);
      equal[name] = (equal[name] ?? 0) + 1;
    }
  }
  return { pairs, kinds: kinds.length, equal, examples };
}

/** The pair as text, if both have one hash. */
function hashPair<T>([one, other]: readonly [T, T], hash: (value: T) => string): string | undefined {
  if (hash(one) !== hash(other)) return undefined;
  const texts = [JSON.stringify(one), JSON.stringify(other)];
  // Else a mistake in the table of edits would look like one of the hash.
  if (texts[0] === texts[1]) throw new Error(`the edit changed nothing: ${texts[0]}`);
  return texts.join(" and ");
}
