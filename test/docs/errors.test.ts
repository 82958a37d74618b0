import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorCodes } from "../../sdk/error";

test("docs/errors.md explains every code, and no other", () => {
  const text = readFileSync("docs/errors.md", "utf8");
  const explained = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
  expect(explained).toHaveLength(errorCodes.length);
  expect(new Set(explained)).toEqual(new Set(errorCodes));
});
