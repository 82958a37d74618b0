import { relative } from "node:path";
import { addToLock, listLockChanges } from "../sdk/lock";
import { updateLockFile, type LockFile } from "./lock-file";
import type { ImageProgram } from "./program";
import type { LockMode } from "./settings";

/** Says once what a program's lock lacks, or writes that into it. */
export class LockKeeper {
  readonly #file: LockFile;
  readonly #program: ImageProgram;
  readonly #options: LockKeeperOptions;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #told = new Set<string>();
  #hasFailed = false;
  #settling: Promise<void> | undefined;

  constructor(file: LockFile, program: ImageProgram, options: LockKeeperOptions) {
    this.#file = file;
    this.#program = program;
    this.#options = options;
  }

  /**
   * Watches the work for one image. When the lock is written its value waits until that is done; where one image is
   * wrong, nothing is written.
   *
   * @throws SlipwayError LOCK_INVALID, and what the work throws
   */
  async watch<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work.catch(() => (this.#hasFailed = true)));
    const value = await work;
    const settled = (this.#settling ??= this.#settle());
    if (this.#options.mode === "write") await settled;
    return value;
  }

  /** Waits until what is missing has been told, or written. */
  async settled(): Promise<void> {
    await this.#settling;
  }

  async #settle(): Promise<void> {
    // Images that the program has yet to hand over come within a turn of the event loop.
    for (let seen = 0; seen !== this.#pending.size; await new Promise((resolve) => setImmediate(resolve))) {
      seen = this.#pending.size;
      await Promise.all(this.#pending);
    }
    this.#settling = undefined;
    if (this.#hasFailed) return;
    if (this.#options.mode === "write") await this.#write();
    else this.#warn();
  }

  async #write(): Promise<void> {
    const { missing, resolved } = this.#program.bases;
    if (missing.every((name) => this.#told.has(name))) return;
    for (const name of missing) this.#told.add(name);
    const { before, after } = await updateLockFile(this.#file.path, (lock) => addToLock(lock, resolved));
    const added = listLockChanges(before, after).map(({ reference, platform }) => `${reference} for ${platform}`);
    if (added.length > 0) this.#options.info(`${this.#name} has now ${added.join(", ")}`);
  }

  #warn(): void {
    // What a digest names cannot move, and may be an image that this program has built itself.
    const missing = this.#program.bases.missing.filter((name) => !name.includes("@") && !this.#told.has(name));
    if (this.#file.lock === undefined || missing.length === 0) return;
    for (const name of missing) this.#told.add(name);
    const them = missing.length === 1 ? "it" : "them";
    this.#options.warn(
      `${this.#name} does not have ${missing.join(", ")}: a registry was asked. Add ${them} with slipway lock.`,
    );
  }

  get #name(): string {
    return relative(this.#program.folder, this.#file.path);
  }
}

export interface LockKeeperOptions {
  readonly mode: LockMode;
  readonly warn: (text: string) => void;
  readonly info: (text: string) => void;
}
