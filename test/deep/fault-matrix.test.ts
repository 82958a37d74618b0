import { expect, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { useEcr } from "../integration/ecr-parts";
import { countOf, seed, tellCounts } from "./counts";
import { describeMatrix, runFaultMatrix } from "./fault-matrix";

const timeout = 3 * 60 * 60_000;
const count = Math.ceil(countOf("DEEP_FAULTS", 35) / 2);
const plainHost = readSettings(process.env).repository?.split("/")[0] ?? "";
const ecr = useEcr();

test("no fault of a registry gives a wrong or broken tag, and three in a row fail nothing", { timeout }, async () => {
  const run = await runFaultMatrix({ seed, count, plainHost });
  tellCounts(`fault-matrix: seed ${seed}, a plain registry, ${describeMatrix(run)}`);
  expect(run.wrong).toEqual([]);
  expect(run.unmet).toBe(0);
});

test("no fault of ECR gives a wrong or broken tag, and three in a row fail nothing", { timeout }, async () => {
  const run = await runFaultMatrix({ seed, count, plainHost, ecr: ecr() });
  tellCounts(`fault-matrix: seed ${seed}, ECR, ${describeMatrix(run)}`);
  expect(run.wrong).toEqual([]);
  expect(run.unmet).toBe(0);
});
