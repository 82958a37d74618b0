import { reportError } from "./report-error";
import type { ProgressLine } from "./progress-line";
import type { Failure } from "./select-images";
import type { Terminal } from "./terminal";

/** What became of one image of a command. */
export type Outcome<T> = { readonly name: string; readonly value: T } | Failure;

/** Never rejects: what fails is told in its turn. */
export function settle<T>(name: string, work: Promise<T>): Promise<Outcome<T>> {
  return work.then(
    (value) => ({ name, value }),
    (error: unknown) => ({ name, error }),
  );
}

export interface TellOptions<T> {
  readonly terminal: Terminal;
  readonly progress: ProgressLine;
  readonly isJson: boolean;
  /** Whether the command line can mean one image only: then nobody needs its name. */
  readonly isOne: boolean;
  /** What gave no image at all. */
  readonly failures: readonly Failure[];
  readonly print: (name: string, value: T) => void;
  /** Where it is aborted the first error says so for all. */
  readonly signal?: AbortSignal;
}

/**
 * Prints what becomes of images in their order, however they end, and each failure with its name: one stops no other.
 *
 * @returns the command's exit code
 */
export async function tellOutcomes<T>(
  outcomes: readonly Promise<Outcome<T>>[],
  { terminal, progress, isJson, isOne, failures, print, signal }: TellOptions<T>,
): Promise<number> {
  const failed: string[] = [];
  const tell = (outcome: Outcome<T>): void => {
    progress.hide();
    if ("value" in outcome) return print(outcome.name, outcome.value);
    failed.push(outcome.name);
    reportError(outcome.error, { terminal, isJson, isOne, name: outcome.name });
  };
  for (const failure of failures) tell(failure);
  for (const outcome of outcomes) {
    tell(await outcome);
    if (signal?.aborted === true && failed.length > 0) return 1;
  }
  const count = failures.length + outcomes.length;
  if (failed.length > 0 && count > 1) {
    terminal.report(`failed: ${failed.length} of ${count}: ${failed.join(", ")}\n`);
  }
  return failed.length > 0 ? 1 : 0;
}
