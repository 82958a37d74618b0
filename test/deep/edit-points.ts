import fs from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { sep } from "node:path";
import type { Worker } from "node:worker_threads";

/** A point of a build where an edit is made, once. */
export interface EditPoint {
  /** Whether the build has come there. */
  readonly isReached: () => boolean;
  /** From here on it is not made any more. */
  readonly end: () => void;
}

/** Right before this thread reads for the `count`th time from files below the folder. */
export function beforeHashingRead(folder: string, count: number, edit: () => void): EditPoint {
  const files = new Set<unknown>();
  const once = new Once(count, edit);
  const putBack = [
    replace(fs, "openSync", (open, args) => {
      const file = open();
      if (isBelow(args[0], folder)) files.add(file);
      return file;
    }),
    replace(fs, "readSync", (read, args) => {
      if (files.has(args[0])) once.pass();
      return read();
    }),
    replace(fs, "closeSync", (close, args) => {
      files.delete(args[0]);
      return close();
    }),
  ];
  return once.until(() => putBack.forEach((back) => back()));
}

/** When threads have told for the `count`th time how far they are; the other one reads at that time. */
export function betweenBatches(count: number, edit: () => void): EditPoint {
  const once = new Once(count, edit);
  const listen = (worker: Worker): void => void worker.on("message", () => once.pass());
  process.on("worker", listen);
  return once.until(() => void process.off("worker", listen));
}

/** Right before a builder opens its first file below the folder. */
export function beforeFirstOpen(folder: string, edit: () => void): EditPoint {
  const once = new Once(1, edit);
  return once.until(
    replace(fsPromises, "open", (open, args) => {
      if (isBelow(args[0], folder)) once.pass();
      return open();
    }),
  );
}

/** Right before a builder reads for the `count`th time from files below the folder. */
export function beforeSendingRead(folder: string, count: number, edit: () => void): EditPoint {
  const once = new Once(count, edit);
  return once.until(
    replace(fsPromises, "open", async (open, args) => {
      const file = await open();
      if (isBelow(args[0], folder) && typeof file === "object" && file !== null) {
        replace(file, "read", (read) => {
          once.pass();
          return read();
        });
      }
      return file;
    }),
  );
}

class Once {
  #left: number;
  readonly #act: () => void;

  constructor(count: number, act: () => void) {
    this.#left = count;
    this.#act = act;
  }

  pass(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#act();
  }

  until(end: () => void): EditPoint {
    return {
      isReached: () => this.#left <= 0,
      end: () => {
        end();
        if (this.#left > 0) this.#left = Infinity;
      },
    };
  }
}

function isBelow(path: unknown, folder: string): boolean {
  return typeof path === "string" && path.startsWith(folder + sep);
}

/** Stands in a function's place, also for those who have imported it by name; returns what puts it back. */
function replace(
  owner: object,
  name: string,
  stand: (call: () => unknown, args: readonly unknown[]) => unknown,
): () => void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`there is no ${name}`);
  const put = (value: unknown): void => {
    Object.defineProperty(owner, name, { value, writable: true, enumerable: true, configurable: true });
    syncBuiltinESMExports();
  };
  put(
    new Proxy(original, {
      apply: (target, self, args): unknown => stand(() => Reflect.apply(target, self, args), args),
    }),
  );
  return () => put(original);
}
