import type { PlainImage } from "../provider/program";
import { SlipwayError } from "../sdk/error";
import { chooseImage, listImages, noImage } from "./choose-image";
import { findFiles } from "./find-files";
import type { ImageLoader, LoadedFile } from "./load-image";
import { takeShard, type Shard } from "./shard";

/** An Image that a file exports, as it is declared. */
export interface DeclaredImage {
  /** As the command line names it; what a pattern finds is `FILE#EXPORT`. */
  readonly name: string;
  readonly image: PlainImage;
  /** The program's folder, absolute. */
  readonly folder: string;
}

/** Something of a command line that could not be done. */
export interface Failure {
  readonly name: string;
  readonly error: unknown;
}

/** What the words of a command line select. */
export interface Selection {
  /** In the order of the words; what one word finds is sorted by file and export. Each image is there once. */
  readonly images: readonly DeclaredImage[];
  /** Words and files that give no image. */
  readonly failures: readonly Failure[];
  /** Whether the words can mean one image only. */
  readonly isOne: boolean;
}

/**
 * Loads the files that the words name, one after the other, and picks their Images: `FILE#EXPORT`; `FILE` for the one
 * that {@link chooseImage} takes; `FILE#*` for all. `FILE` may be a pattern.
 *
 * @throws SlipwayError USAGE, before any file is loaded
 */
export async function selectImages(loader: ImageLoader, words: readonly string[], shard?: Shard): Promise<Selection> {
  const images: DeclaredImage[] = [];
  const failures: Failure[] = [];
  let isOne = words.length === 1;
  const seen = new Set<PlainImage>();
  for (const word of words.map(splitWord)) {
    const found = await selectWord(loader, word);
    failures.push(...found.failures);
    isOne &&= found.isOne;
    for (const declared of found.images) {
      // Under two names of one file, or by two words.
      if (!seen.has(declared.image)) images.push(declared);
      seen.add(declared.image);
    }
  }
  if (shard === undefined) return { images, failures, isOne };
  const mine = takeShard(images, shard);
  if (mine.length === 0 && images.length > 0) loader.progress.note(describeEmpty(shard, images.length));
  return { images: mine, failures, isOne };
}

/**
 * The one Image of `FILE#EXPORT`, or of `FILE` alone.
 *
 * @throws SlipwayError USAGE, PROGRAM_FILE, and what the file's own calls throw
 */
export async function selectImage(loader: ImageLoader, word: string): Promise<DeclaredImage> {
  const { file, exportName } = splitWord(word);
  const { folder, exports } = await loader.loadFile(file);
  return { name: word, image: chooseImage(file, exportName, exports), folder };
}

interface Word {
  readonly text: string;
  readonly file: string;
  readonly exportName: string | undefined;
}

/** The last `#` divides, where no folder's name holds it. */
function splitWord(text: string): Word {
  const [, file = text, exportName] = /^(.*)#([^#/]*)$/s.exec(text) ?? [];
  if (file === "" || exportName === "") {
    const hint = "Write FILE#EXPORT, for example images.ts#api, or FILE alone.";
    throw new SlipwayError({ code: "USAGE", text: `${JSON.stringify(text)}: half of it is missing.`, hint });
  }
  return { text, file, exportName };
}

async function selectWord(loader: ImageLoader, word: Word): Promise<Selection> {
  const images: DeclaredImage[] = [];
  const failures: Failure[] = [];
  const empty: string[] = [];
  const isAll = word.exportName === "*";
  let isOne = !isAll;
  try {
    const { files, isPattern } = await findFiles(word.file, loader.cwd);
    isOne &&= !isPattern;
    for (const file of files) {
      const name = word.exportName === undefined || isAll ? file : `${file}#${word.exportName}`;
      try {
        const loaded = await loader.loadFile(file);
        const picked = isAll ? pickAll(loaded) : [pickOne(loaded, word.exportName, name)];
        images.push(...picked);
        if (picked.length > 0) continue;
        if (!isPattern) throw noImage(file, loaded.exports);
        empty.push(file);
      } catch (error) {
        failures.push({ name, error });
      }
    }
    if (images.length === 0 && failures.length === 0) throw nothingIn(word.text, empty);
    for (const file of empty) loader.progress.note(`${file}: it exports no Image, and is left out`);
  } catch (error) {
    failures.push({ name: word.text, error });
  }
  return { images, failures, isOne };
}

function pickAll({ file, folder, exports }: LoadedFile): readonly DeclaredImage[] {
  return listImages(exports).map(([name, image]) => ({ name: `${file}#${name}`, image, folder }));
}

function pickOne({ file, folder, exports }: LoadedFile, exportName: string | undefined, name: string): DeclaredImage {
  return { name, image: chooseImage(file, exportName, exports), folder };
}

function nothingIn(word: string, files: readonly string[]): SlipwayError {
  const text = `${word}: no file that matches exports an Image (found ${files.join(", ")}).`;
  return new SlipwayError({ code: "PROGRAM_FILE", text, hint: "Write: export const api = Image.debianSlim();" });
}

function describeEmpty({ part, parts }: Shard, count: number): string {
  const images = count === 1 ? "the one image is in another part" : `the ${count} images are in other parts`;
  return `shard ${part}/${parts}: ${images}, nothing to do`;
}
