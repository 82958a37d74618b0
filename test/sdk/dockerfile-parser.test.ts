import { describe, expect, it } from "vitest";
import { parseDockerfile, parseMount, splitWords } from "../../sdk/dockerfile-parser";

const plain = { flags: [], heredocs: [], trigger: undefined, isOpen: false };

describe("parseDockerfile", () => {
  it("joins continuations, without the comments and empty lines in them", () => {
    expect(parseDockerfile("# top\n\nrun a \\\n# no\n\n  b \\  \nc\nUSER x")).toEqual({
      kind: "parsed",
      directives: [],
      escape: "\\",
      instructions: [
        { ...plain, keyword: "RUN", rest: "a   b c", text: "run a   b c", line: 3, headEnd: 7, end: 7 },
        { ...plain, keyword: "USER", rest: "x", text: "USER x", line: 8, headEnd: 8, end: 8 },
      ],
    });
  });

  it("takes for a comment in a continuation what BuildKit takes for one", () => {
    const keywords = (text: string) => {
      const parsed = parseDockerfile(text);
      return parsed.kind === "parsed" ? parsed.instructions.map(({ keyword }) => keyword) : parsed.problem;
    };
    // Read as text, the line would end the instruction, and BuildKit would go on with the next step.
    const open = { keyword: "RUN", rest: "a", isOpen: true };
    expect(parseDockerfile("RUN a \\\n\u0085# no")).toMatchObject({ instructions: [open] });
    // Read as a comment, it would hide that a COPY begins.
    expect(keywords("RUN a \\\n\ufeff# text\nCOPY . /x")).toEqual(["RUN", "COPY"]);
  });

  it("reads flags and here-documents, whatever those hold", () => {
    expect(
      parseDockerfile(
        "RUN --mount=type=cache,target=/c --network=none <<EOF cat <<-'E 2'\nFROM x\nEOF\n\tCOPY a b\n\tE 2\nUSER x",
      ),
    ).toMatchObject({
      kind: "parsed",
      instructions: [
        {
          keyword: "RUN",
          flags: [{ text: "--mount=type=cache,target=/c" }, { text: "--network=none" }],
          heredocs: [
            { word: "EOF", body: "FROM x" },
            { word: "E 2", body: "\tCOPY a b" },
          ],
        },
        { keyword: "USER", line: 6 },
      ],
    });
  });

  it("takes << for a here-document only in RUN, COPY and ADD, and not in JSON", () => {
    const parsed = parseDockerfile('RUN ["cat","<<EOF"]\nLABEL a=<<EOF\nRUN echo "<<EOF"');
    expect(parsed).toMatchObject({
      kind: "parsed",
      instructions: [{ heredocs: [] }, { heredocs: [] }, { heredocs: [] }],
    });
  });

  it.each([
    ["# SYNTAX = docker/dockerfile:1\r\n#escape=`\nUSER x", ["syntax", "escape"]],
    ["\uFEFF# check=skip=all\nUSER x", ["check"]],
    ["#!/usr/bin/env -S docker build\n# syntax=a\n# escape=`", ["syntax"]],
    ["# a comment\n# syntax=a", []],
    ["\n# syntax=a", []],
    ["# other=a\n# syntax=a", []],
    ["USER x\n# syntax=a", []],
  ])("reads the directives of %j, which stand at the top only", (text, names) => {
    const parsed = parseDockerfile(text);
    expect(parsed.kind === "parsed" && parsed.directives.map(({ name }) => name)).toEqual(names);
  });

  it("takes another escape character for continuations, not for here-documents", () => {
    const text = "# escape=`\nRUN dir C:\\ `\n  x\nCOPY <<E\\OF /a\n`\nEOF\nUSER y";
    expect(parseDockerfile(text)).toMatchObject({
      escape: "`",
      instructions: [
        { rest: "dir C:\\   x" },
        { rest: "<<E\\OF /a", heredocs: [{ word: "EOF", body: "`" }], line: 4, headEnd: 4, end: 6 },
        { rest: "y" },
      ],
    });
  });

  it("continues no line whose escape character is itself escaped", () => {
    expect(parseDockerfile("RUN a \\\\\nUSER x")).toMatchObject({ instructions: [{ rest: "a \\\\" }, { rest: "x" }] });
  });

  it("keeps CRLF in here-documents and nowhere else", () => {
    expect(parseDockerfile("RUN <<A \\\r\n b\r\nx\r\nA\r\nUSER x\r\n")).toMatchObject({
      instructions: [{ rest: "<<A  b", heredocs: [{ body: "x\r" }] }, { rest: "x" }],
    });
  });

  it("reads a here-document whose word stands apart, and none in a text that it cannot read", () => {
    expect(parseDockerfile("RUN cat << 'A B'\nx\nA B\nRUN echo '<<A\nUSER x")).toMatchObject({
      instructions: [{ heredocs: [{ word: "A B", body: "x" }] }, { heredocs: [] }, { keyword: "USER" }],
    });
  });

  it("reads the instruction behind ONBUILD, with its here-documents", () => {
    expect(parseDockerfile("ONBUILD COPY --from=x <<A /b\nc\nA")).toMatchObject({
      instructions: [
        {
          keyword: "ONBUILD",
          heredocs: [{ word: "A" }],
          trigger: { keyword: "COPY", flags: [{ text: "--from=x", start: 13, end: 21 }], rest: "<<A /b" },
        },
      ],
    });
  });

  it("takes quotes and escapes from flags, and ends them at --", () => {
    expect(parseDockerfile(String.raw`COPY --chown="a b" --fr'om=x' --chmod=\7 -- --a /b`)).toMatchObject({
      instructions: [{ flags: [{ text: "--chown=a b" }, { text: "--from=x" }, { text: "--chmod=7" }], rest: "--a /b" }],
    });
  });

  it("sees an end in the middle of a continuation", () => {
    expect(parseDockerfile("RUN a \\\n# b\n")).toMatchObject({ instructions: [{ rest: "a", isOpen: true, end: 3 }] });
  });

  it.each([
    ["RUN <<EOF\na", "its here-document EOF has no end line"],
    ["# escape=x\nRUN a", "the escape character must be \\ or `"],
  ])("finds %j broken", (text, problem) => {
    expect(parseDockerfile(text)).toEqual({ kind: "broken", problem, line: 1 });
  });
});

it("a mount without a type is a bind mount", () => {
  expect([...parseMount("source=a,TARGET=/b=c")]).toEqual([
    ["type", "bind"],
    ["source", "a"],
    ["target", "/b=c"],
  ]);
  expect([...parseMount("type=cache,source=a,src=b,dst=c,destination=d")]).toEqual([
    ["type", "cache"],
    ["source", "b"],
    ["target", "d"],
  ]);
});

it("quotes and escapes keep a word together", () => {
  expect(splitWords(String.raw`a "b c" 'd "e' f\ g  h"i j"k`, "\\")).toEqual([
    "a",
    '"b c"',
    `'d "e'`,
    String.raw`f\ g`,
    'h"i j"k',
  ]);
});
