import { expect, test } from "vitest";
import { maskSecrets } from "../../provider/mask";

test("a value is masked wherever it stands, also as a URL has it", () => {
  expect(maskSecrets(["p@ss/w"])("p@ss/w p%40ss%2Fw xp@ss/wx")).toBe("*** *** x***x");
});

test("the lines of a file are masked, and what stands last on one", () => {
  const netrc = "machine i.example login me password s3cret-1\n";
  const npmrc = "//npm.example/:_authToken=s3cret-2\nalways-auth=true\n";
  const mask = maskSecrets([netrc, npmrc]);
  expect(mask(`> ${netrc}Bearer s3cret-1 from i.example, s3cret-2`)).toBe("> ***Bearer *** from i.example, ***");
  expect(mask("//npm.example/:_authToken=s3cret-2")).toBe("***");
  expect(mask("true")).toBe("true");
});

test("of values that begin alike the longer one is masked as a whole", () => {
  expect(maskSecrets(["abc", "abcdef"])("abcdef abc")).toBe("*** ***");
});

test("without secrets a text stays as it is", () => {
  expect(maskSecrets([])("text")).toBe("text");
});
