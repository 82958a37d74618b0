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

test("a note stays above the line", () => {
  const terminal = fakeTerminal({ columns: 40 });
  const progress = new ProgressLine(terminal);
  progress.note("first");
  progress.show("hashing");
  progress.note("left out .env");
  progress.end();
  expect(terminal.stderr().replaceAll(/ +\d\.\d s/g, "0.0 s")).toBe(
    "first\n\r[0.0 s] hashing\x1b[K\r\x1b[Kleft out .env\n\r[0.0 s] hashing\x1b[K\n",
  );
});

test("a result stands in the line's place, and news begin a new one", () => {
  const terminal = fakeTerminal({ columns: 40 });
  const progress = new ProgressLine(terminal);
  progress.show("building");
  progress.hide();
  terminal.report("result\n");
  progress.show("pushing");
  progress.end();
  expect(terminal.stderr().replaceAll(/ +\d\.\d s/g, "0.0 s")).toBe(
    "\r[0.0 s] building\x1b[K\r\x1b[Kresult\n\r[0.0 s] pushing\x1b[K\n",
  );
});
