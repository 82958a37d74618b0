import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { dockerCredentials } from "../provider/credentials";
import { findLockFile } from "../provider/lock-file";
import { LockKeeper } from "../provider/lock-keeper";
import type { Places } from "../provider/place";
import type { PrefixPlan } from "../provider/prefix";
import { PrefixPlans } from "../provider/prefix-plans";
import { ImageProgram, type ResolvedImage, type ResolvedMounts } from "../provider/program";
import { Registries } from "../provider/registries";
import { readSettings, type Settings } from "../provider/settings";
import { SlipwayError } from "../sdk/error";
import type { Platform } from "../sdk/platform";
import type { SourceReport } from "../sdk/tree-report";
import type { Exports } from "./choose-image";
import { loadFile } from "./load-file";
import { findProgramFolder } from "./program-folder";
import { ProgressLine } from "./progress-line";
import type { DeclaredImage } from "./select-images";
import type { Terminal } from "./terminal";

/** A file of the command line. */
export interface LoadedFile {
  /** As the user named it. */
  readonly file: string;
  /** The program's folder, absolute. */
  readonly folder: string;
  readonly exports: Exports;
}

/** An image that a file exports, with its hash. */
export interface LoadedImage extends DeclaredImage, ResolvedImage {}

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
  /** Where the user is. */
  readonly cwd: string;
  /** Where it shows what takes long. */
  readonly progress: ProgressLine;
  readonly #terminal: Terminal;
  readonly #files = new Map<string, LoadedFile>();
  readonly #plans = new PrefixPlans();
  readonly #programs = new Map<string, { readonly program: ImageProgram; readonly keeper: LockKeeper }>();

  /** @throws SlipwayError INVALID_ARGUMENT, for settings of the environment */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.cwd = terminal.cwd;
    this.progress = new ProgressLine(terminal);
    this.settings = readSettings(terminal.env);
    this.registries = new Registries(dockerCredentials(terminal.env));
  }

  /**
   * Runs a file, once however often it is named.
   *
   * @throws SlipwayError PROGRAM_FILE, and what the file's own calls throw
   */
  async loadFile(file: string): Promise<LoadedFile> {
    const path = findFile(file, this.cwd);
    const loaded = this.#files.get(path) ?? (await this.#load(file, path));
    this.#files.set(path, loaded);
    return loaded;
  }

  async #load(file: string, path: string): Promise<LoadedFile> {
    const folder = await findProgramFolder(path);
    this.#terminal.changeFolder(folder);
    return { file, folder, exports: await loadFile(file, path) };
  }

  /** @throws SlipwayError LOCK_INVALID, BASE_UNAVAILABLE, LOCAL_PATH */
  async resolve(declared: DeclaredImage, platforms: readonly Platform[], signal?: AbortSignal): Promise<LoadedImage> {
    const { program, keeper } = this.#programIn(declared.folder);
    const resolved = await keeper.watch(program.resolve(declared.image, platforms, this.#report(signal)));
    await keeper.settled();
    return { ...resolved, ...declared };
  }

  /** Which of an image's first steps are built before it, where it has to be built; all images are planned together. */
  async planPrefixes({ folder, specs, hash }: LoadedImage, places: Places): Promise<PrefixPlan | undefined> {
    const { program } = this.#programIn(folder);
    const { kind } = await program.exists(places, hash);
    return kind === "missing" ? program.planPrefixes(places, specs) : undefined;
  }

  #report(signal?: AbortSignal): SourceReport {
    return { info: (text) => this.progress.note(text), status: (text) => this.progress.show(text), signal };
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
    const registry = this.registries.oci();
    const program = new ImageProgram({ folder, registry, mirrors, lock: file.lock, plans: this.#plans, hashCache });
    const keeper = new LockKeeper(file, program, {
      mode,
      warn: (text) => this.progress.note(`warning: ${text}`),
      info: (text) => this.progress.note(text),
    });
    this.#programs.set(folder, { program, keeper });
    return { program, keeper };
  }
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
