import { SlipwayError } from "../sdk/error";
import { orderSteps } from "../sdk/spec";
import type { DeclaredImage } from "./select-images";

/** One of several equal parts of a command's images, from 1. */
export interface Shard {
  readonly part: number;
  readonly parts: number;
}

/**
 * Reads `3/8`.
 *
 * @throws SlipwayError USAGE
 */
export function parseShard(text: string): Shard {
  const [, first, second] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const [part, parts] = [Number(first), Number(second)];
  if (part >= 1 && part <= parts) return { part, parts };
  const hint = "Write which part, and of how many: 3/8. The first is 1.";
  throw new SlipwayError({ code: "USAGE", text: `--shard ${JSON.stringify(text)} cannot be read.`, hint });
}

/**
 * The images of one part, in the order given. All parts together are all images, each in one part only; parts differ by
 * one image at most, where two that are declared alike count as one. Images are sorted by base and steps before they are
 * parted, so those that begin alike are in one part, but for the few at a border.
 *
 * It looks at what the files declare and at nothing else: machines that see another base under a tag, or other files,
 * part the images in the same way, and no image is left out.
 */
export function takeShard(images: readonly DeclaredImage[], { part, parts }: Shard): readonly DeclaredImage[] {
  const sorted = images
    .map((image) => ({ image, words: wordsOf(image) }))
    .sort((a, b) => compareWords(a.words, b.words) || compareWords([a.image.name], [b.image.name]));
  const units = new Map<string, readonly DeclaredImage[]>();
  for (const { image, words } of sorted) {
    const key = JSON.stringify([words, image.folder]);
    units.set(key, [...(units.get(key) ?? []), image]);
  }
  const own = [...units.values()].filter((_, index) => Math.floor((index * parts) / units.size) === part - 1);
  const mine = new Set(own.flat());
  return images.filter((image) => mine.has(image));
}

/** The base, then the steps as they are emitted. */
function wordsOf({ image: { spec } }: DeclaredImage): readonly string[] {
  return [JSON.stringify(spec.base), ...orderSteps(spec.steps).map((step) => JSON.stringify(step))];
}

function compareWords(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((word, index) => word !== b[index]);
  if (at < 0) return a.length - b.length;
  const [own = "", other] = [a[at], b[at]];
  return other === undefined || own > other ? 1 : -1;
}
