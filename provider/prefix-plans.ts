import { hashImagePrefixes } from "../sdk/hash";
import { cutsOf, needsRootfs, type PrefixCuts } from "../sdk/prefix";
import type { ResolvedSpec } from "../sdk/spec";
import { findStored, type PrefixPlan } from "./prefix";

/** An image that has to be built. */
export interface MissingImage {
  readonly specs: readonly ResolvedSpec[];
  /** The repository's address: only what is in one repository is shared. */
  readonly place: string;
  /** Whether the repository has a hash. */
  readonly find: (hash: string) => Promise<string | undefined>;
}

interface Waiting extends MissingImage {
  readonly resolve: (plan: Promise<PrefixPlan>) => void;
}

/** No image waits longer for others whose files are still hashed. */
const MAX_WAIT_MS = 2_000;

/**
 * Plans the prefixes of a program's images that have to be built, all that are known together: those that share a list
 * of steps build it once.
 */
export class PrefixPlans {
  readonly #waiting: Waiting[] = [];
  #pending = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Waits with every plan until this work has ended: an image on its way may share steps with those that are here. */
  async watch<T>(work: Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await work;
    } finally {
      // What the work leads to, an image that is missing, arrives in later microtasks.
      setImmediate(() => {
        this.#pending -= 1;
        this.#planWhenAllAreHere();
      });
    }
  }

  plan(image: MissingImage): Promise<PrefixPlan> {
    return new Promise((resolve) => {
      this.#waiting.push({ ...image, resolve });
      this.#timer ??= setTimeout(() => this.#planAll(), MAX_WAIT_MS);
      setImmediate(() => this.#planWhenAllAreHere());
    });
  }

  #planWhenAllAreHere(): void {
    if (this.#pending === 0) this.#planAll();
  }

  #planAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const images = this.#waiting.splice(0);
    const counted = images.map((image) => countPrefixes(image));
    const groups = groupByPrefix(counted);
    for (const one of counted) one.image.resolve(planOne(one, groups));
  }
}

interface Counted {
  readonly image: Waiting;
  readonly cuts: PrefixCuts;
  readonly hashes: readonly string[];
}

function countPrefixes(image: Waiting): Counted {
  const [spec] = image.specs;
  const cuts = spec === undefined ? { all: [], kept: [], likely: [] } : cutsOf(spec);
  return { image, cuts, hashes: hashImagePrefixes(image.specs) };
}

/** For each prefix that an image can be cut at, and each image as a whole: the images that begin with it. */
function groupByPrefix(images: readonly Counted[]): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = new Map<string, Set<string>>();
  for (const one of images) {
    const whole = one.hashes.length - 1;
    for (const count of [...one.cuts.all, whole]) {
      const key = keyOf(one, count);
      const group = groups.get(key) ?? new Set();
      group.add(one.hashes[whole] ?? "");
      groups.set(key, group);
    }
  }
  return groups;
}

function keyOf({ image, hashes }: Counted, count: number): string {
  return `${image.place}:${hashes[count] ?? ""}`;
}

async function planOne(one: Counted, groups: ReadonlyMap<string, ReadonlySet<string>>): Promise<PrefixPlan> {
  const { image, cuts, hashes } = one;
  const shared = findShared(one, groups);
  const longest = shared.at(-1);
  const likely = [...new Set([...cuts.likely, ...cuts.kept, ...shared.map(({ steps }) => steps)])];
  const stored = await findStored(hashes, likely, image.find).catch(() => 0);
  const kept = [...new Set([...cuts.kept, ...shared.map(({ steps }) => steps)])].sort((a, b) => a - b);
  return { kept, stored, ...(longest === undefined ? {} : { shared: longest }) };
}

/**
 * The lists of steps where images part: another one would be an image that nobody else begins with, or one more on the
 * way to the same images. A list that costs next to nothing is not worth an image.
 */
function findShared(
  one: Counted,
  groups: ReadonlyMap<string, ReadonlySet<string>>,
): readonly { readonly steps: number; readonly images: number }[] {
  const [spec] = one.image.specs;
  const sizeAt = (count: number): number => groups.get(keyOf(one, count))?.size ?? 1;
  let last = 0;
  return one.cuts.all.flatMap((count, index) => {
    const images = sizeAt(count);
    const next = one.cuts.all[index + 1] ?? one.hashes.length - 1;
    if (images < 2 || sizeAt(next) === images) return [];
    if (spec === undefined || !needsRootfs(spec, last, count)) return [];
    last = count;
    return [{ steps: count, images }];
  });
}
