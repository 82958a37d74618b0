import { expect, test } from "vitest";
import { planRepository } from "../../provider/planned-repository";
import { ociRepository } from "../../provider/repository";
import { WrongImages } from "../../provider/wrong-images";

test("a repository that cannot be located is told once the resource's URN is known, as of a component's child", async () => {
  const wrong = new WrongImages();
  const told: string[] = [];
  const program = {
    locate: () => Promise.reject(new Error("no region is set")),
    watch: <T>(work: Promise<T>, report: (error: unknown) => void) => wrong.watch(work, report),
  };
  // Vitest fails on a rejection that nobody handles, and Pulumi ends the program with it, without a line.
  const urn = new Promise<string>((resolve) => setTimeout(resolve, 20, ""));
  const { value } = planRepository(ociRepository("localhost:5000/images"), program, urn, (error) => {
    told.push(String(error));
    return "told";
  });
  await expect(value).rejects.toThrow("An image cannot be built; its line says why.");
  expect(told).toEqual(["Error: no region is set"]);
});
