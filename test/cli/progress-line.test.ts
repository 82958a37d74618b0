import { expect, test } from "vitest";
import { ProgressLine } from "../../cli/progress-line";
import { fakeTerminal } from "./fake-terminal";

test("each news is a line with the time", () => {
  const terminal = fakeTerminal();
  const progress = new ProgressLine(terminal);
  progress.show("hashing");
  progress.show("building 1/2");
  progress.show("building 1/2");
  progress.end("built");
  expect(terminal.stderr()).toMatch(/^\[ +\d\.\d s\] hashing\n\[ +\d\.\d s\] building 1\/2\n\[ +\d\.\d s\] built\n$/);
});

test("on a terminal one line is written over, and cut at its width", () => {
  const terminal = fakeTerminal({ columns: 21 });
  const progress = new ProgressLine(terminal);
  progress.show("building a long image");
  progress.end();
  expect(terminal.stderr().replace(/\d\.\d s/, "0.0 s")).toBe("\r[  0.0 s] building a\x1b[K\n");
});
