import { describeNode, type NodeView } from "../provider/node-view";
import type { Terminal } from "./terminal";

/** As many nodes as a screen shows; of the others, their number. */
const ROWS = 20;

/** Shows nodes as they change: on a terminal in place, elsewhere a line for each news. */
export class NodeTable {
  readonly #terminal: Terminal;
  readonly #said = new Map<string, string>();
  #rows = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(title: string, nodes: readonly NodeView[]): void {
    if (this.#terminal.columns === undefined) this.#append(nodes);
    else this.#redraw(title, nodes, this.#terminal.columns);
  }

  #append(nodes: readonly NodeView[]): void {
    for (const view of nodes) {
      const line = describeNode(view);
      if (this.#said.get(view.node) === line) continue;
      this.#said.set(view.node, line);
      this.#terminal.report(`${line}\n`);
    }
  }

  #redraw(title: string, nodes: readonly NodeView[], columns: number): void {
    const rows = [title, ...chooseRows(nodes)].map((row) => row.slice(0, columns - 1));
    const up = this.#rows === 0 ? "" : `\x1b[${this.#rows}A`;
    // \x1b[J clears what more rows than now left behind.
    this.#terminal.report(`${up}\r\x1b[J${rows.join("\n")}\n`);
    this.#rows = rows.length;
  }
}

/** Those that need looking at first: failed, then on their way, then done. */
function chooseRows(nodes: readonly NodeView[]): readonly string[] {
  const order = ["failed", "pulling", "queued", "warm", "present"];
  const sorted = [...nodes].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const rows = sorted.slice(0, ROWS).map(describeNode);
  return sorted.length <= ROWS ? rows : [...rows, `… and ${sorted.length - ROWS} more`];
}
