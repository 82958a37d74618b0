import { describeError, SlipwayError } from "../sdk/error";
import { nameOfPlace, type Place, type Places } from "./place";

/** What the repositories said about a hash. */
export type Existence =
  | {
      readonly kind: "stored";
      readonly digest: string;
      /** Region → digest, where there is more than one. */
      readonly regions?: Readonly<Record<string, string>>;
    }
  /** It is not everywhere where it is to be, but somewhere: it is copied, not built. */
  | {
      readonly kind: "elsewhere";
      readonly digest: string;
      /** The place that has it. */
      readonly from: string;
      /** The places that lack it. */
      readonly lacking: readonly string[];
      readonly regions?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "missing" }
  /** A registry could not be asked; why. */
  | { readonly kind: "unknown"; readonly cause: string };

/** How one look-up is made: a limit for those that ask one by one. */
export type Ask = (place: Place, hash: string, signal?: AbortSignal) => Promise<string | undefined>;

const askDirectly: Ask = ({ registry, address }, hash, signal) => registry.findDigest(address, hash, signal);

/**
 * Looks a hash up where it is to be and, when it is nowhere there, where it may come from. A registry that cannot be
 * asked is an answer, too.
 */
export async function lookUp(
  places: Places,
  hash: string,
  { ask = askDirectly, signal }: { readonly ask?: Ask; readonly signal?: AbortSignal } = {},
): Promise<Existence> {
  try {
    const wanted = [places.home, ...places.copies];
    const digests = await Promise.all(wanted.map((place) => ask(place, hash, signal)));
    const found = wanted.flatMap((place, index) => {
      const digest = digests[index];
      return digest === undefined ? [] : [{ place, digest }];
    });
    const [first] = found;
    if (first === undefined) return await lookUpSources(places, hash, ask, signal);
    const { digest } = first;
    const regions =
      places.copies.length === 0
        ? {}
        : { regions: Object.fromEntries(found.map((one) => [nameOfPlace(one.place), one.digest])) };
    const lacking = wanted.filter((_, index) => digests[index] === undefined).map(nameOfPlace);
    if (lacking.length === 0) return { kind: "stored", digest, ...regions };
    return { kind: "elsewhere", digest, from: nameOfPlace(first.place), lacking, ...regions };
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "unknown", cause: error instanceof SlipwayError ? error.text : describeError(error) };
  }
}

async function lookUpSources(places: Places, hash: string, ask: Ask, signal?: AbortSignal): Promise<Existence> {
  for (const source of places.sources) {
    const digest = await ask(source, hash, signal);
    if (digest === undefined) continue;
    const { host, path } = source.address;
    return {
      kind: "elsewhere",
      digest,
      from: `${host}/${path}`,
      lacking: [places.home, ...places.copies].map(nameOfPlace),
    };
  }
  return { kind: "missing" };
}
