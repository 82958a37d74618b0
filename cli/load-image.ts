import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { dockerCredentials } from "../provider/credentials";
import { findLockFile } from "../provider/lock-file";
import { LockKeeper } from "../provider/lock-keeper";
import { ImageProgram, type PlainImage, type ResolvedImage, type ResolvedMounts } from "../provider/program";
import { Registries } from "../provider/registries";
import { readSettings, type Settings } from "../provider/settings";
import { SlipwayError } from "../sdk/error";
import type { Platform } from "../sdk/platform";
import type { SourceReport } from "../sdk/tree-report";
import { allImages, chooseImage } from "./choose-image";
import { loadFile } from "./load-file";
import { findProgramFolder } from "./program-folder";
import { ProgressLine } from "./progress-line";
import type { Terminal } from "./terminal";

/** An image that a file exports, with its hash. */
export interface LoadedImage extends ResolvedImage {
  readonly image: PlainImage;
  /** The program's folder, absolute. */
  readonly folder: string;
}

/** Does one command's work with a loader, and leaves its progress line. */
export async function withLoader<T>(terminal: Terminal, work: (loader: ImageLoader) => Promise<T>): Promise<T> {
  const loader = new ImageLoader(terminal);
  try {
    return await work(loader);
  } finally {
    loader.progress.end();
  }
}

/** Loads and resolves the images of one command: each base is asked for once for each program's folder. */
export class ImageLoader {
  readonly settings: Settings;
  readonly registries: Registries;
  /** Where it shows what takes long. */
  readonly progress: ProgressLine;
  readonly #terminal: Terminal;
  readonly #programs = new Map<string, { readonly program: ImageProgram; readonly keeper: LockKeeper }>();

  /** @throws SlipwayError INVALID_ARGUMENT, for settings of the environment */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.progress = new ProgressLine(terminal);
    this.settings = readSettings(terminal.env);
    this.registries = new Registries(dockerCredentials(terminal.env));
  }

  /**
   * @param argument `FILE#EXPORT`, or `FILE` alone.
   * @throws SlipwayError USAGE, PROGRAM_FILE, LOCK_INVALID, BASE_UNAVAILABLE, LOCAL_PATH, and what the file's own
   *   calls throw
   */
  async load(argument: string, platforms: readonly Platform[], signal?: AbortSignal): Promise<LoadedImage> {
    const { file, exportName, exports, folder } = await this.#loadExports(argument);
    const image = chooseImage(file, exportName, exports);
    const { program, keeper } = this.#programIn(folder);
    const resolved = await keeper.watch(program.resolve(image, platforms, this.#report(signal)));
    await keeper.settled();
    return { ...resolved, image, folder };
  }

  /**
   * The Image of `FILE#EXPORT`, or all Images of `FILE`, as they are declared.
   *
   * @throws SlipwayError USAGE, PROGRAM_FILE, and what the file's own calls throw
   */
  async loadPlain(argument: string): Promise<{ readonly folder: string; readonly images: readonly PlainImage[] }> {
    const { file, exportName, exports, folder } = await this.#loadExports(argument);
    const images = exportName === undefined ? allImages(file, exports) : [chooseImage(file, exportName, exports)];
    return { folder, images };
  }

  #report(signal?: AbortSignal): SourceReport {
    return { info: (text) => this.progress.note(text), status: (text) => this.progress.show(text), signal };
  }

  async #loadExports(argument: string) {
    const { file, exportName } = splitArgument(argument);
    const path = findFile(file, this.#terminal.cwd);
    const folder = await findProgramFolder(path);
    this.#terminal.changeFolder(folder);
    return { file, exportName, exports: await loadFile(file, path), folder };
  }

  /** @throws SlipwayError LOCAL_PATH */
  loadMounts({ image, folder }: LoadedImage): Promise<ResolvedMounts> {
    return this.#programIn(folder).program.resolveMounts(image, this.#report());
  }

  #programIn(folder: string): { readonly program: ImageProgram; readonly keeper: LockKeeper } {
    const known = this.#programs.get(folder);
    if (known !== undefined) return known;
    const { lock: mode, mirrors, hashCache } = this.settings;
    const file = findLockFile(folder);
    const program = new ImageProgram({
      folder,
      registry: this.registries.oci(),
      mirrors,
      lock: file.lock,
      hashCache,
    });
    const keeper = new LockKeeper(file, program, {
      mode,
      warn: (text) => this.progress.note(`warning: ${text}`),
      info: (text) => this.progress.note(text),
    });
    this.#programs.set(folder, { program, keeper });
    return { program, keeper };
  }
}

/** The last `#` divides: a folder's name may hold one, the name of an export hardly. */
function splitArgument(argument: string): { readonly file: string; readonly exportName: string | undefined } {
  const hash = argument.lastIndexOf("#");
  const file = hash < 0 ? argument : argument.slice(0, hash);
  const exportName = hash < 0 ? undefined : argument.slice(hash + 1);
  if (file === "" || exportName === "") {
    const hint = "Write FILE#EXPORT, for example images.ts#api, or FILE alone.";
    throw new SlipwayError({ code: "USAGE", text: `${JSON.stringify(argument)}: half of it is missing.`, hint });
  }
  return { file, exportName };
}

/** Absolute, its folder without links: as the process's own folder will be. */
function findFile(file: string, cwd: string): string {
  const path = resolve(cwd, file);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === true) return join(realpathSync(dirname(path)), basename(path));
  const found = stats === undefined ? "there is no such file" : "it is no file";
  const hint = "Give a TypeScript or JavaScript file that exports an Image; paths are relative to the current folder.";
  throw new SlipwayError({ code: "PROGRAM_FILE", text: `${file}: ${found} (looked in ${cwd}).`, hint });
}
