import pLimit from "p-limit";
import type { Builder } from "../provider/builder";
import type { Places } from "../provider/place";
import { placeImage, type PlacedImage } from "../provider/place-image";
import type { PublishedImage } from "../provider/publish";
import type { SecretPlaces } from "../provider/secret-store";
import { SharedBuilds } from "../provider/shared-builds";
import { SlipwayError } from "../sdk/error";
import { describeLeftOut } from "../sdk/mount";
import type { Platform } from "../sdk/platform";
import type { ImageLoader, LoadedImage } from "./load-image";
import type { DeclaredImage } from "./select-images";
import { settle, type Outcome } from "./tell-outcomes";

/** Images that are looked for, or wait for others' builds, at once: as many as Pulumi has under way on four cores. */
const IMAGES_AT_ONCE = 16;

export interface BuildImagesOptions {
  readonly loader: ImageLoader;
  readonly platforms: readonly Platform[];
  readonly places: Places;
  /** Gets the registries that a build asks. */
  readonly makeBuilder: (hosts: readonly string[]) => Builder;
  /** Lets so many builds run at once. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
  readonly secretsIn: (folder: string) => SecretPlaces;
  readonly signal: AbortSignal;
}

/** An image with where it is. */
export interface BuiltOutcome extends Pick<PlacedImage, "digest" | "sizeBytes" | "reused"> {
  readonly hash: string;
}

/**
 * Builds what the repository does not have, several at once. First all are hashed, so that what several of them begin
 * with is known: it is built once, and so is an image that has several names.
 *
 * @returns in the order given
 */
export async function buildImages(
  images: readonly DeclaredImage[],
  options: BuildImagesOptions,
): Promise<readonly Promise<Outcome<BuiltOutcome>>[]> {
  const { loader, platforms, signal } = options;
  const [only] = images;
  if (only !== undefined)
    loader.progress.show(`${images.length === 1 ? only.name : `${images.length} images`}: hashing`);
  const resolved = await Promise.all(
    images.map((declared) => settle(declared.name, loader.resolve(declared, platforms, signal))),
  );
  const shared = new SharedBuilds<PublishedImage>();
  const atOnce = pLimit(IMAGES_AT_ONCE);
  const firsts = new Map<string, { readonly name: string; readonly work: Promise<BuiltOutcome> }>();
  return resolved.map((outcome) => {
    if (!("value" in outcome)) return Promise.resolve(outcome);
    const { name, value: image } = outcome;
    const first = firsts.get(image.hash);
    if (first !== undefined) return settle(name, repeat(first));
    // Without a plan it is built alone; whatever is wrong is met there again.
    const plan = loader.planPrefixes(image, options.places).catch(() => undefined);
    const work = atOnce(async () => build(image, await plan, { ...options, shared }));
    firsts.set(image.hash, { name, work });
    return settle(name, work);
  });
}

/** The same image under another name: for it, nothing is built. */
async function repeat({
  name,
  work,
}: {
  readonly name: string;
  readonly work: Promise<BuiltOutcome>;
}): Promise<BuiltOutcome> {
  try {
    return { ...(await work), reused: true };
  } catch (cause) {
    const text = `it is the same image as ${name}, which failed.`;
    throw new SlipwayError({ code: "PREFIX_FAILED", text, hint: "That one's error says why.", cause });
  }
}

async function build(
  { name, image, folder, hash, specs }: LoadedImage,
  prefixes: Awaited<ReturnType<ImageLoader["planPrefixes"]>>,
  {
    loader,
    places,
    makeBuilder,
    secretsIn,
    shared,
    limit,
    signal,
  }: BuildImagesOptions & { readonly shared: SharedBuilds<PublishedImage> },
): Promise<BuiltOutcome> {
  const { progress, registries, settings } = loader;
  let last = "";
  const show = (text: string): void => {
    // Others' lines come in between.
    if (text !== last) progress.show(`${name}: ${text}`);
    last = text;
  };
  const placed = await placeImage(places, makeBuilder, {
    specs,
    callSites: image.callSites,
    folder,
    mirrors: settings.mirrors,
    bases: registries.oci(),
    baseCallSite: image.baseCallSite,
    secretPlaces: secretsIn(folder),
    build: "auto",
    prefixes,
    shared,
    owner: name,
    limit,
    onProgress: ({ text }) => show(text),
    signal,
  });
  const leftOut = describeLeftOut(image.spec.mounts.length);
  if (leftOut !== undefined) show(leftOut);
  progress.end(`${name}: ${placed.reused ? "the repository has it, nothing was built" : "built"}`);
  const { digest, sizeBytes, reused } = placed;
  return { hash, digest, sizeBytes, reused };
}
