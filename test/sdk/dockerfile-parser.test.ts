import { describe, expect, it } from "vitest";
import { parseDockerfile, parseMount, splitWords } from "../../sdk/dockerfile-parser";

describe("parseDockerfile", () => {
  it("joins continuations, without the comments and empty lines in them", () => {
    expect(parseDockerfile("# top\n\nrun a \\\n# no\n\n  b \\  \nc\nUSER x")).toEqual({
      kind: "parsed",
      directives: [],
      instructions: [
        { keyword: "RUN", flags: [], rest: "a   b c", heredocs: [], line: 3 },
        { keyword: "USER", flags: [], rest: "x", heredocs: [], line: 8 },
      ],
    });
  });

  it("takes for a comment in a continuation what BuildKit takes for one", () => {
    const keywords = (text: string) => {
      const parsed = parseDockerfile(text);
      return parsed.kind === "parsed" ? parsed.instructions.map(({ keyword }) => keyword) : parsed.problem;
    };
    // Read as text, the line would end the instruction, and BuildKit would go on with the next step.
    expect(keywords("RUN a \\\n\u0085# no")).toBe("its last line ends in a continuation");
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
          flags: ["--mount=type=cache,target=/c", "--network=none"],
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

  it("sees directives anywhere", () => {
    expect(parseDockerfile("USER x\n # SYNTAX = docker/dockerfile:1")).toMatchObject({ directives: ["syntax"] });
  });

  it.each([
    ["RUN a \\", "its last line ends in a continuation"],
    ["RUN <<EOF\na", "its here-document EOF has no end line"],
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
});

it("quotes and escapes keep a word together", () => {
  expect(splitWords(String.raw`a "b c" 'd "e' f\ g  h"i j"k`)).toEqual([
    "a",
    '"b c"',
    `'d "e'`,
    String.raw`f\ g`,
    'h"i j"k',
  ]);
});
