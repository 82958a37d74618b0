import { expect, test } from "vitest";
import { startEcr } from "../../tools/environment.mjs";
import { fetchTags, newWord, startTestRegistry } from "../e2e/registry";
import { endWithFile, makeStack, makeTemporaryFolder, pulumi } from "../e2e/stack";
import { hostOf, PLACE, REGION } from "../integration/ecr-parts";
import { countOf, tellCounts } from "./counts";

const timeout = 30 * 60_000;
const count = countOf("DEEP_UPS", 4);

/** Programs of different stacks with one spec, whose step gives other bytes each time that it runs. */
async function upAll(repository: string, env: NodeJS.ProcessEnv) {
  const program = `import { Image } from "slipway"; import { BuiltImage, ecrRepository } from "slipway/pulumi";
const image = Image.debianSlim("3.11").runCommands("echo ${newWord()}; sleep 2; cat /proc/sys/kernel/random/uuid > /x");
const api = new BuiltImage("api", { image, repository: ${repository} });
export const ref = api.ref;
`;
  const stacks = [];
  for (let index = 0; index < count; index += 1) stacks.push(await makeStack({ "index.ts": program }, env));
  const runs = await Promise.all(stacks.map((stack) => pulumi(stack, "up")));
  const failed = runs.filter(({ exitCode }) => exitCode !== 0).map(({ text }) => text);
  return { failed, refs: new Set(runs.map(({ outputs }) => outputs["ref"])) };
}

test(
  "many ups of one spec at once, of different stacks, end with one digest: a plain registry",
  { timeout },
  async () => {
    const registry = await startTestRegistry();
    const repository = `${registry.address}/ups`;
    const { failed, refs } = await upAll(JSON.stringify(repository), registry.env);
    tellCounts(
      `concurrent-ups: ${count} at once on a mutable repository, ${refs.size} digest, ${failed.length} errors`,
    );
    expect(failed).toEqual([]);
    expect(refs.size).toBe(1);
    expect(await fetchTags(repository)).toHaveLength(1);
  },
);

test(
  "many ups of one spec at once, of different stacks, end with one digest: ECR, immutable",
  { timeout },
  async () => {
    const [registry, ecr] = await Promise.all([startTestRegistry(), startEcr({ root: makeTemporaryFolder() })]);
    endWithFile(ecr.stop);
    const args = { name: "ups", region: REGION, registryHost: hostOf(ecr, PLACE) };
    const repository = `ecrRepository(${JSON.stringify(args)})`;
    const { failed, refs } = await upAll(repository, { ...registry.env, ...ecr.env });
    const pushed = new Set(ecr.requests.filter((line) => /^PUT .*\/manifests\/sha256:\w+ 201/.test(line)));
    tellCounts(
      `concurrent-ups: ${count} at once on an immutable repository, ${refs.size} digest, ${failed.length} errors, ${pushed.size} builds`,
    );
    expect(failed).toEqual([]);
    expect(refs.size).toBe(1);
    expect(pushed.size).toBe(1);
  },
);
