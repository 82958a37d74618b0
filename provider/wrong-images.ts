import { keepMessage } from "../sdk/error";

/**
 * Collects what is wrong with the images of a program, so that the user sees all of it and not the first: each is
 * reported on its own resource, and one error ends the program when every image has been looked at.
 */
export class WrongImages {
  readonly #pending = new Set<Promise<unknown>>();
  #count = 0;
  #end: Promise<never> | undefined;

  /** Watches the work for one image; a failure is reported at once and becomes the program's one error. */
  async watch<T>(work: Promise<T>, report: (error: unknown) => void): Promise<T> {
    const watched = work.catch((error: unknown) => {
      this.#count += 1;
      report(error);
      return undefined;
    });
    this.#pending.add(watched);
    try {
      return await work;
    } catch {
      return await (this.#end ??= this.#endProgram());
    }
  }

  async #endProgram(): Promise<never> {
    // Images that the program has yet to hand over come within a turn of the event loop.
    for (let seen = 0; seen !== this.#pending.size; await new Promise((resolve) => setImmediate(resolve))) {
      seen = this.#pending.size;
      await Promise.all(this.#pending);
    }
    const count = this.#count;
    throw new ProgramEnd(
      count === 1
        ? "An image cannot be built; its line says why."
        : `${count} images cannot be built; their lines say why.`,
    );
  }
}

/** Ends a Pulumi program with one line: Pulumi prints no stack for an error with this mark (errors.ts, RunError). */
class ProgramEnd extends Error {
  readonly __pulumiRunError = true;

  constructor(text: string) {
    super(text);
    keepMessage(this);
    this.stack = text;
  }
}
