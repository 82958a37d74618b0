import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { quote } from "../../tools/local/bin-folder.mjs";

test("a quoted text is one word of a shell, exactly as it was", () => {
  const texts = ["plain", "", "a b", "it's", "''", '"$HOME" `id` \\ $(id) !', "line\nbreak", "*", "-n", "ü → 🚢"];
  const words = execFileSync("sh", ["-c", `printf '%s\\0' ${texts.map(quote).join(" ")}`], { encoding: "utf8" });
  expect(words.split("\0").slice(0, -1)).toEqual(texts);
});
