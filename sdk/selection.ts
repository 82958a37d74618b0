import { isDeniedByDefault } from "./default-deny";
import { describeError, SlipwayError } from "./error";
import { cleanPatterns, IgnoreRules, parseIgnoreFile } from "./ignore";

/** The folder's own rules; their file is for us, no part of what is copied. */
export const IGNORE_FILE = ".dockerignore";

/** What of a folder is copied, as the user says it: patterns of a `.dockerignore`. */
export interface SelectionOptions {
  readonly ignore?: readonly string[];
  /** What is taken though it is left out by default. */
  readonly include?: readonly string[];
}

/** What happens to a file or folder. */
export interface Verdict {
  /** `below`: a folder that is left out, but for what may be taken below it. */
  readonly fate: "take" | "leave" | "below";
  /** Whether its name, or that of a folder above it, is left out by default. */
  readonly isDenied: boolean;
}

/**
 * Which files of a folder are copied: those that neither the default, nor the folder's `.dockerignore`, nor `ignore`
 * leaves out. Each of the three can only leave out more; `include` takes back from the default alone.
 */
export class Selection {
  /** Names that the default left out and nothing else does, with how often. */
  readonly leftOut = new Map<string, number>();
  readonly #include: IgnoreRules;
  readonly #ignore: readonly IgnoreRules[];

  /**
   * @param ignoreFile the text of the folder's `.dockerignore`.
   * @throws SlipwayError INVALID_ARGUMENT
   */
  constructor(options: SelectionOptions, ignoreFile: string) {
    this.#include = new IgnoreRules(["**", ...cleanPatterns(options.include ?? []).map((pattern) => `!${pattern}`)]);
    const all = [readRules(ignoreFile), new IgnoreRules(cleanPatterns(options.ignore ?? []))];
    this.#ignore = all.filter((rules) => !rules.isEmpty);
  }

  /** @param isBelowDenied whether a folder above it is left out by default. */
  judge(path: string, isFolder: boolean, isBelowDenied: boolean): Verdict {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const isDenied = isBelowDenied || isDeniedByDefault(name) || path === IGNORE_FILE;
    const isLifted = !isDenied || !this.#include.ignores(path);
    const ignoring = this.#ignoring(path);
    if (isLifted && ignoring.length === 0) return isDenied ? TAKEN_THOUGH_DENIED : TAKEN;
    if (isDenied && !isBelowDenied && !isLifted && ignoring.length === 0 && path !== IGNORE_FILE) {
      this.leftOut.set(name, (this.leftOut.get(name) ?? 0) + 1);
    }
    const out = isLifted ? ignoring : [...ignoring, this.#include];
    const isWalked = isFolder && out.every((rules) => rules.mayIncludeBelow(path));
    return { fate: isWalked ? "below" : "leave", isDenied };
  }

  #ignoring(path: string): readonly IgnoreRules[] {
    return this.#ignore.length === 0 ? this.#ignore : this.#ignore.filter((rules) => rules.ignores(path));
  }
}

const TAKEN: Verdict = { fate: "take", isDenied: false };
const TAKEN_THOUGH_DENIED: Verdict = { fate: "take", isDenied: true };

function readRules(ignoreFile: string): IgnoreRules {
  try {
    return new IgnoreRules(parseIgnoreFile(ignoreFile));
  } catch (cause) {
    const hint = cause instanceof SlipwayError ? cause.hint : undefined;
    const text = `${IGNORE_FILE}: ${cause instanceof SlipwayError ? cause.text : describeError(cause)}`;
    throw new SlipwayError({ code: "LOCAL_PATH", text, hint, cause });
  }
}
