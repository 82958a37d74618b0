import { expect, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { seed, tellCounts } from "../deep/counts";
import { describeMatrix, runFaultMatrix } from "../deep/fault-matrix";
import { describeKills, runKills } from "../deep/kills";
import { useEcr } from "./ecr-parts";

const plainHost = readSettings(process.env).repository?.split("/")[0] ?? "";
const ecr = useEcr();

test("a registry that fails for a moment fails no build, and one that fails for good gives its error", async () => {
  const run = await runFaultMatrix({ seed, count: 10, plainHost, isQuick: true });
  tellCounts(`fault-matrix: seed ${seed}, a plain registry, ${describeMatrix(run)}`);
  expect(run.wrong).toEqual([]);
});

test("an ECR that fails for a moment fails no build, and one that fails for good gives its error", async () => {
  const run = await runFaultMatrix({ seed, count: 5, plainHost, ecr: ecr(), isQuick: true });
  tellCounts(`fault-matrix: seed ${seed}, ECR, ${describeMatrix(run)}`);
  expect(run.wrong).toEqual([]);
});

test("a kill between push and tag, or inside the tag's PUT, leaves no wrong tag, and the next build succeeds", async () => {
  const only = [
    ["between push and tag", "client"],
    ["inside the tag's PUT", "registry"],
  ] as const;
  const run = await runKills({ seed, count: only.length, only });
  tellCounts(`kills: seed ${seed}, ${describeKills(run)}`);
  expect(run.wrong).toEqual([]);
});
