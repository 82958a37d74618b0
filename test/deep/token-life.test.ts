import { expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { hostOf, REGION, useEcr } from "../integration/ecr-parts";
import { placeInEcr } from "../integration/ecr-place";
import { newName } from "../integration/real-parts";

const ecr = useEcr();

test("a build of 10 s succeeds with tokens that live 3 s, on a private base and to a private repository", async () => {
  const name = newName();
  const target = { name, region: REGION, registryHost: hostOf(ecr()) };
  const base = await placeInEcr(Image.debianSlim("3.11").runCommands(`echo ${newName()} > /base`), target);
  ecr().tokens.lifeSeconds = 3;
  const image = Image.base(`${hostOf(ecr())}/${name}@${base.digest}`).runCommands(`sleep 10; echo ${name} > /first`);
  const startedMs = performance.now();
  const lines: string[] = [];
  const placed = await placeInEcr(image, target, { onProgress: (text) => void lines.push(text) });
  expect(performance.now() - startedMs).toBeGreaterThan(10_000);
  expect(placed.stored?.digest).toBe(placed.digest);
  expect(lines).toContain("the registry's login ended meanwhile; once more with a new one");
});
