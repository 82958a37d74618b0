import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteCopy, quoteExec, quoteExpanding, quoteShell, quoteWord } from "../../sdk/quote";

const line = fc.string({ unit: "grapheme" }).filter((text) => !/[\0\r\n]/.test(text));
const hostile = fc.oneof(line, fc.stringMatching(/^[ "'\\$`{}#<a]*$/));

/** What BuildKit's lexer makes of a double-quoted word (shell/lex.go, processDoubleQuote). */
function readWord(text: string): string {
  expect(text).toMatch(/^"(?:[^"\\$]|\\["\\$])*"$/s);
  return text.slice(1, -1).replace(/\\(["\\$])/g, "$1");
}

describe("quoteWord", () => {
  it.each([
    ['say "hi"', '"say \\"hi\\""'],
    ["$HOME ${X}", '"\\$HOME \\${X}"'],
    ["a\\", '"a\\\\"'],
    ["", '""'],
    ["żółw 🐢 'x' `y`", "\"żółw 🐢 'x' `y`\""],
  ])("writes %j as %s", (text, quoted) => {
    expect(quoteWord(text)).toBe(quoted);
  });

  it("keeps any text of one line", () => {
    fc.assert(fc.property(hostile, (text) => readWord(quoteWord(text)) === text));
  });
});

describe("quoteExec", () => {
  it("is JSON, which keeps any text", () => {
    fc.assert(
      fc.property(fc.array(hostile), (args) => {
        expect(JSON.parse(quoteExec(args))).toEqual(args);
      }),
    );
  });
});

describe("quoteCopy", () => {
  it("escapes within JSON what a COPY path would expand", () => {
    expect(quoteCopy(["c/0/", "/a b/[x] * $y 'q' \"d\" \\/"])).toBe(
      String.raw`["c/0/","/a b/[x] * \\$y \\'q\\' \\\"d\\\" \\\\/"]`,
    );
  });

  it("keeps any path", () => {
    const read = (path: string): string => path.replace(/\\([\\"'$])/g, "$1");
    fc.assert(
      fc.property(hostile, (path) => {
        expect([JSON.parse(quoteCopy([path]))].flat().map(String).map(read)).toEqual([path]);
      }),
    );
  });
});

describe("quoteShell", () => {
  it("writes one word of a POSIX shell", () => {
    expect(quoteShell("it's $5")).toBe("'it'\\''s $5'");
  });

  it("keeps any text", () => {
    const read = (text: string): string => text.slice(1, -1).replaceAll("'\\''", "'");
    fc.assert(fc.property(hostile, (text) => read(quoteShell(text)) === text));
  });
});

describe("quoteExpanding", () => {
  it("lets the shell put in the named variables and nothing else", () => {
    const text = "it's $A, ${A} and $AB, ${AB}, $HOME, $(id), `id`, \\$A";
    const quoted = quoteExpanding(text, ["A"]);
    const printed = execFileSync("/bin/sh", ["-c", `printf %s ${quoted}`], {
      encoding: "utf8",
      env: { A: "'\"$HOME" },
    });
    expect(printed).toBe("it's '\"$HOME, '\"$HOME and $AB, ${AB}, $HOME, $(id), `id`, \\'\"$HOME");
  });
});
