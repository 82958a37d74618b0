import type { Terminal } from "../../cli/terminal";

/** A terminal that keeps what is written to it. */
export interface FakeTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function fakeTerminal(options: { readonly cwd?: string; readonly columns?: number } = {}): FakeTerminal {
  const printed: string[] = [];
  const reported: string[] = [];
  return {
    cwd: options.cwd ?? "/",
    env: {},
    columns: options.columns,
    print: (text) => void printed.push(text),
    report: (text) => void reported.push(text),
    changeFolder: () => undefined,
    stopOnSignal: () => new AbortController().signal,
    stdout: () => printed.join(""),
    stderr: () => reported.join(""),
  };
}
