import type { Terminal } from "./terminal";

const REFRESH_MS = 1_000;

/** Shows how far a build is, with the time since the start: on a terminal in one line, elsewhere a line for each news. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #startMs = performance.now();
  #text = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#write();
    if (this.#terminal.columns === undefined) return;
    this.#timer ??= setInterval(() => this.#write(), REFRESH_MS).unref();
  }

  /** Writes a line that stays above it. */
  note(text: string): void {
    const isShown = this.#terminal.columns !== undefined && this.#text !== "";
    this.#terminal.report(isShown ? `\r\x1b[K${text}\n` : `${text}\n`);
    if (isShown) this.#write();
  }

  /** Takes the line away until there is news: a result or an error stands in its place. */
  hide(): void {
    if (this.#terminal.columns !== undefined && this.#text !== "") this.#terminal.report("\r\x1b[K");
    this.#text = "";
  }

  /** Shows a last text, if one is given, and leaves the line. */
  end(text?: string): void {
    if (text !== undefined) this.show(text);
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#terminal.columns !== undefined && this.#text !== "") this.#terminal.report("\n");
    this.#text = "";
  }

  #write(): void {
    if (this.#text === "") return;
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(1);
    const line = `[${seconds.padStart(5)} s] ${this.#text}`;
    const { columns } = this.#terminal;
    // \x1b[K clears what a longer line left behind.
    this.#terminal.report(columns === undefined ? `${line}\n` : `\r${line.slice(0, columns - 1)}\x1b[K`);
  }
}
