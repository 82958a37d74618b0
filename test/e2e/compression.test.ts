import { expect, test } from "vitest";
import { readImage } from "../integration/real-parts";
import { newWord, startTestRegistry } from "./registry";
import { IMPORTS, makeStack, pulumi, writeFiles } from "./stack";

test("zstd compresses the layers that are built, and a stored image stays as it is when another compression is asked for", async () => {
  const registry = await startTestRegistry();
  const program = (word: string, builder: string): string => `${IMPORTS}
const image = new BuiltImage("api", { image: Image.debianSlim("3.11").runCommands("echo ${word} > /word"), builder: ${builder} });
export const ref = image.ref;
`;
  const word = newWord();
  const stack = await makeStack({ "index.ts": program(word, `{ compression: "zstd" }`) }, registry.env);
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const { manifest } = await readImage(String(up.outputs["ref"]));
  expect(manifest.layers.at(-1)?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");

  writeFiles(stack.folder, { "index.ts": program(word, `{ compression: "gzip" }`) });
  const again = await pulumi(stack, "up", { args: ["--expect-no-changes"] });
  expect(again.exitCode, again.text).toBe(0);
  expect(again.outputs["ref"]).toBe(up.outputs["ref"]);
});
