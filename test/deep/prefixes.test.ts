import { expect, test } from "vitest";
import { fetchTags, newWord, startTestRegistry } from "../e2e/registry";
import { IMPORTS, makeStack, pulumi } from "../e2e/stack";
import { countOf, tellCounts } from "./counts";

const lists = 5;
const images = countOf("DEEP_SHARING_IMAGES", 50);

test("images over five shared lists of steps build each list once", { timeout: 20 * 60_000 }, async () => {
  const registry = await startTestRegistry();
  const word = newWord();
  const repository = `${registry.address}/deep/${word}`;
  const program = `${IMPORTS}
const repository = ociRepository("${repository}");
for (let index = 0; index < ${images}; index += 1) {
  const image = Image.debianSlim("3.11")
    .runCommands("head -c 5000000 /dev/urandom > /list && echo ${word}-" + (index % ${lists}))
    .runCommands("echo " + index + " > /own");
  new BuiltImage("image-" + index, { image, repository });
}
`;
  const stack = await makeStack({ "index.ts": program }, registry.env);
  const startedMs = performance.now();
  const run = await pulumi(stack, "up");
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  expect(run.exitCode, run.text).toBe(0);
  const told = Object.values(run.lines).flat();
  const builds = told.filter((line) => line.includes("building step 1 of"));
  tellCounts(`prefixes: ${images} images over ${lists} lists in ${seconds} s, lists built ${builds.length} times`);
  expect(builds).toHaveLength(lists);
  expect(await fetchTags(repository)).toHaveLength(images + lists);
});
