import { expect, test } from "vitest";
import { buildBoth, pushStandIns, type StandIns } from "../integration/dockerfiles/compare";
import { corpus } from "../integration/dockerfiles/corpus";
import { tellCounts } from "./counts";

let standIns: StandIns | undefined;
let same = 0;

// What a test makes goes with it, so the stand-ins are made by one.
test("the images of the corpus have stand-ins", async () => {
  standIns = await pushStandIns();
});

test.each(corpus.map((one) => [one.name, one] as const))("%s", async (_, one) => {
  if (standIns === undefined) throw new Error("there are no stand-ins");
  const { plain, imported } = await buildBoth(one, standIns);
  expect(imported.config).toEqual(plain.config);
  expect(imported.layers).toEqual(plain.layers);
  same += 1;
});

test("every Dockerfile gives the layers and the config that buildx gives", () => {
  tellCounts(`dockerfiles: ${same} of ${corpus.length} give the same layers and config as buildx build`);
  expect(same).toBe(corpus.length);
});
