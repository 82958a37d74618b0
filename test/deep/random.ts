/** A fast source of random numbers that a seed repeats (mulberry32): fast-check takes too long for a million pairs. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to `end - 1`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.below(choices.length)];
    if (chosen === undefined) throw new Error("pick: there is nothing to choose from");
    return chosen;
  }

  /** Results of `make`, `least` to `most` of them. */
  list<T>(make: () => T, least: number, most: number): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }

  /** 1 to 6 characters, some beyond ASCII, none of them a `/`. */
  word(): string {
    return this.list(() => this.pick(characters), 1, 6).join("");
  }

  hex(): string {
    return this.list(() => this.pick(hexDigits), 64, 64).join("");
  }
}

const characters = Array.from("abcxyzABC019.-_=:,\"'\\$# éłżü🐢Ａ\u0301\u2028");
const hexDigits = Array.from("0123456789abcdef");
