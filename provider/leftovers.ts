import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeError, SlipwayError } from "../sdk/error";

/**
 * One folder for everything temporary, with a folder for each process in it. A process that was killed leaves its own
 * behind; the next one removes it.
 */
export class Leftovers {
  readonly #root: string;
  readonly #own: string;
  #isSwept = false;

  constructor(root: string = join(tmpdir(), `slipway-${process.getuid?.() ?? "user"}`)) {
    this.#root = root;
    this.#own = join(root, String(process.pid));
  }

  /** Removes what processes left that were killed, also where this one will need no folder; it never fails. */
  sweep(): void {
    if (!existsSync(this.#root)) return;
    try {
      this.#sweep();
    } catch {
      // Whoever needs a folder will hear of it.
    }
  }

  /** A new, empty folder that only this user can read. */
  makeFolder(name: string): string {
    try {
      if (!this.#isSwept) this.#sweep();
      mkdirSync(this.#own, { recursive: true, mode: 0o700 });
      return mkdtempSync(join(this.#own, `${name}-`));
    } catch (cause) {
      throw new SlipwayError({
        code: "BUILDER_UNAVAILABLE",
        text: `temporary folder ${this.#own}: it cannot be made: ${describeError(cause)}.`,
        hint: "Set TMPDIR to a folder that can be written.",
        cause,
      });
    }
  }

  /** Removes everything of this process; where nothing could be made there is nothing. */
  clear(): void {
    if (existsSync(this.#own)) rmSync(this.#own, { recursive: true, force: true });
  }

  #sweep(): void {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    // Its name can be guessed: somebody else may have made it, or a link, to read what we put there.
    const stats = lstatSync(this.#root);
    const isOurs = stats.isDirectory() && (process.getuid === undefined || stats.uid === process.getuid());
    if (!isOurs) throw new Error(`${this.#root} belongs to somebody else`);
    this.#isSwept = true;
    for (const name of readdirSync(this.#root)) {
      const pid = Number(name);
      // A folder under our own pid is of an earlier process with that pid.
      if (pid === process.pid || !isRunning(pid)) rmSync(join(this.#root, name), { recursive: true, force: true });
    }
  }
}

/** What the machine says when it takes nothing more; `undefined` where something else is wrong. */
export function explainDisk(cause: unknown): SlipwayError | undefined {
  const found = /no space left on device|ENOSPC|EDQUOT|EROFS|read-only file system/i;
  if (cause instanceof SlipwayError || !(cause instanceof Error) || !found.test(describeError(cause))) return undefined;
  return new SlipwayError({
    code: "BUILDER_UNAVAILABLE",
    text: `temporary folder of the build: it takes nothing more: ${describeError(cause)}.`,
    hint: "Make room there, or set TMPDIR to a folder that has some. What was there of this build is removed.",
    cause,
  });
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
