#!/usr/bin/env node
import { Console } from "node:console";
import { endOnSignal } from "../provider/shutdown";
import { runCommandLine } from "./command-line";
import { slipway } from "./slipway";
import type { Terminal } from "./terminal";

// What the user's file logs is no result.
globalThis.console = new Console(process.stderr, process.stderr);

const args = process.argv.slice(2);
let signal: AbortSignal | undefined;
const terminal: Terminal = {
  cwd: process.cwd(),
  env: process.env,
  // Some terminals say 0.
  columns: process.stderr.isTTY ? process.stderr.columns || 80 : undefined,
  print: (text) => void process.stdout.write(text),
  report: (text) => void process.stderr.write(text),
  changeFolder: (folder) => process.chdir(folder),
  stopOnSignal: (leftovers) => (signal = endOnSignal(leftovers, () => ended)),
};
const ended = runCommandLine(slipway(terminal), args, terminal);

void ended.then((exitCode) => {
  // Whoever sent a signal sees us end by it: endOnSignal does that.
  if (signal?.aborted === true) return;
  // What the user's file left open, a timer or a connection, keeps nobody waiting.
  process.stdout.write("", () => process.exit(exitCode));
});
