import { describe, expect, it } from "vitest";
import { cleanPatterns, IgnoreRules, parseIgnoreFile } from "../../sdk/ignore";
import { sentencesOf } from "./errors";

/** What moby's own tests say (patternmatcher_test.go of v0.6.0), by pattern: the paths it takes, and those it leaves. */
const moby: readonly (readonly [pattern: string, taken: readonly string[], left?: readonly string[]])[] = [
  ["*", ["fileutils.go", "abc"]],
  ["*.go", ["fileutils.go"]],
  ["**", ["file", "dir/file"]],
  ["**/", ["file", "dir/file"]],
  ["**/**", ["file", "dir/file"]],
  ["dir/**", ["dir/file", "dir/dir2/file"], ["dir"]],
  ["abc/**", ["abc/def", "abc/def/ghi"], ["abc"]],
  ["**/dir", ["dir", "dir/file"]],
  ["**/dir2/*", ["dir/dir2/file"]],
  ["**/dir2/**", ["dir/dir2/dir3/file"]],
  ["**file", ["file", "dir/file", "dir/dir/file", "dir/myfile"]],
  ["**/file", ["file", "dir/file", "dir/dir/file"], ["myfile", "dir/myfile"]],
  ["**/file*", ["dir/dir/file", "dir/dir/file.txt"]],
  ["**/file*txt", ["dir/dir/file.txt"]],
  ["**/file*.txt", ["dir/dir/file.txt"]],
  ["**/file*.txt*", ["dir/dir/file.txt"]],
  ["**/**/*.txt", ["file.txt", "dir/dir/file.txt"]],
  ["**/**/*.txt2", [], ["dir/dir/file.txt"]],
  ["**/*.txt", ["file.txt"]],
  ["a**/*.txt", ["a/file.txt", "a/dir/file.txt", "a/dir/dir/file.txt"]],
  ["a/*.txt", ["a/file.txt"], ["a/dir/file.txt"]],
  ["a/*.txt**", ["a/file.txt"]],
  ["a[b-d]e", ["ace"], ["ae", "aae"]],
  ["a[^b-d]e", ["aze"]],
  [".*", [".foo"], ["foo"]],
  ["abc.def", ["abc.def"], ["abcdef", "abcZdef"]],
  ["abc?def", ["abcZdef"], ["abcdef"]],
  ["a\\\\", ["a\\"]],
  ["a\\*b", ["a*b"], ["ab"]],
  ["**/foo/bar", ["foo/bar", "dir/foo/bar", "dir/dir2/foo/bar"]],
  ["**/.foo", [".foo"], ["bar.foo"]],
  ["a(b)c/def", ["a(b)c/def"], ["a(b)c/xyz"]],
  ["a.|)$(}+{bc", ["a.|)$(}+{bc"]],
  ["dist/p-2.4.0rc3.dev36+g08acad9-py3.whl", ["dist/p-2.4.0rc3.dev36+g08acad9-py3.whl"]],
  ["dist/*.whl", ["dist/p-2.4.0rc3.dev36+g08acad9-py3.whl"]],
  ["*c", ["abc"]],
  ["a*", ["a", "abc", "ab/c"]],
  ["a*/b", ["abc/b"], ["a/c/b"]],
  ["a*b*c*d*e*/f", ["axbxcxdxe/f", "axbxcxdxexxx/f"], ["axbxcxdxe/xxx/f", "axbxcxdxexxx/fff"]],
  ["a*b?c*x", ["abxbbxdbxebxczzx"], ["abxbbxdbxebxczzy"]],
  ["ab[c]", ["abc"]],
  ["ab[e-g]", [], ["abc"]],
  ["ab[^c]", [], ["abc"]],
  ["a?b", ["a☺b"], ["a/b"]],
  ["a[^a]b", ["a☺b"]],
  ["a???b", [], ["a☺b"]],
  ["a[^a][^a][^a]b", [], ["a☺b"]],
  ["[a-ζ]*", ["α"]],
  ["*[a-ζ]", [], ["A"]],
  ["a*b", [], ["a/b"]],
  ["[\\]a]", ["]"]],
  ["[\\-]", ["-"]],
  ["[x\\-]", ["x", "-"], ["z"]],
  ["[\\-x]", ["x", "-"], ["a"]],
  ["*x", ["xxx"]],
  // Of its code: a wildcard makes the whole pattern a regular expression, in which these are not escaped.
  ["a|b", ["a|b"], ["a", "b"]],
  ["?a|b", ["xaz", "zb"], ["a|b".slice(0, 2)]],
  ["?{2}", ["ab"], ["a{2}"]],
];

describe("IgnoreRules", () => {
  const cases = moby.map(([pattern, taken, left]) => ({ pattern, taken, left: left ?? [] }));
  it.each(cases)("reads $pattern as moby does", ({ pattern, taken, left }) => {
    const ignores = (path: string): boolean => new IgnoreRules([pattern]).ignores(path);
    expect([...taken, ...left].filter(ignores)).toEqual(taken);
  });

  it.each<[patterns: string[], path: string, isIgnored: boolean]>([
    [[], "any/path", false],
    [["!fileutils.go", "*.go"], "fileutils.go", true],
    [["*.go", "!fileutils.go"], "fileutils.go", false],
    [["docs", "!docs/README.md"], "docs/README.md", false],
    [["docs", "!docs/README.md"], "docs/a.md", true],
    [["docs/", "  !docs/README.md  "], "docs/README.md", false],
    [["docs/*", "!docs/README.md"], "docs/README.md", false],
    [["", "docs"], "docs", true],
    [["**", "!util/docker/web"], "util/docker/web/foo", false],
    [["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true],
    [["**", "!dist/*.whl"], "dist/p-2.4.0+g0-py3.whl", false],
    // BuildKit walks from folder to folder and asks no exception of a folder that nothing had left out.
    [["d/x", "!d"], "d/x", true],
  ])("lets the last pattern decide: of %j, for %s", (patterns, path, isIgnored) => {
    expect(new IgnoreRules(patterns).ignores(path)).toBe(isIgnored);
  });

  it("answers the same in any order of questions", () => {
    const paths = ["a", "a/b", "a/b/c", "a/keep", "b", "b/a", "b/a/keep"];
    const fresh = paths.map((path) => new IgnoreRules(["**/a", "!**/keep"]).ignores(path));
    const rules = new IgnoreRules(["**/a", "!**/keep"]);
    expect(paths.toReversed().map((path) => rules.ignores(path))).toEqual(fresh.toReversed());
    expect(fresh).toEqual([true, true, true, false, false, true, false]);
  });

  it.each([
    ["!", 'the ignore pattern "!" is an exception of nothing. Name after the ! what is to stay.'],
    ...["[", "a[", "[^", "[^bc", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\"].map((pattern) => [
      pattern,
      `the ignore pattern ${JSON.stringify(pattern)} is malformed. A [ needs its ]; \\[ and \\\\ are plain characters.`,
    ]),
    [
      "[b-a]",
      'the ignore pattern "[b-a]" is malformed. Ranges in [ ] go up, {2} needs something before it; \\ makes a character plain.',
    ],
    [
      "dist\\build",
      'the ignore pattern "dist\\\\build" has a \\ before a letter. Folders are divided by /; \\ makes * ? [ ] \\ plain.',
    ],
  ])("refuses %s", (pattern = "", sentences) => {
    expect(sentencesOf(() => new IgnoreRules([pattern]))).toBe(sentences);
  });

  it.each<[patterns: string[], folder: string, mayInclude: boolean]>([
    [["node_modules"], "node_modules", false],
    [["*", "!src"], "node_modules", false],
    [["*", "!src/a/b"], "src", true],
    [["*", "!src/a/b"], "src/a", true],
    [["*", "!src/a/b"], "src/b", false],
    [["*", "!*.md"], "docs", false],
    [["*", "!*/*.md"], "docs", true],
    [["*", "!*/*.md"], "docs/old", false],
    [["*", "!**/*.md"], "docs/old", true],
    [["*", "!docs**"], "docs/old", true],
    [["*", "!docs/[ab]"], "docs", true],
  ])("knows whether exceptions may lie below: of %j, in %s", (patterns, folder, mayInclude) => {
    expect(new IgnoreRules(patterns).mayIncludeBelow(folder)).toBe(mayInclude);
  });
});

describe("parseIgnoreFile", () => {
  it("reads lines as moby does: comments, spaces, slashes at both ends, dots, a byte order mark, CRLF", () => {
    const text = "\ufeff# notes\r\n\n  /a/./b//c/ \r\n!  ./d/../e\n !/\n #no comment\n\\#\nx/..\n../y\n/\n!\n";
    expect(parseIgnoreFile(text)).toEqual(["a/b/c", "!e", "!/", "#no comment", "\\#", ".", "../y", "/", "!"]);
  });
});

describe("cleanPatterns", () => {
  it("takes a list as the lines of a file, without comments", () => {
    expect(cleanPatterns([" ./a/ ", "", "#b", "!/c"])).toEqual(["a", "#b", "!c"]);
  });
});
