import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { userInfo } from "node:os";
import { beforeAll, expect, test } from "vitest";
import { identify } from "../../tools/local/process-identity.mjs";
import { fetchTags, newWord, startTestRegistry, type TestRegistry } from "./registry";
import {
  cancelStack,
  endAfterTest,
  IMPORTS,
  makeStack,
  makeTemporaryFolder,
  pulumi,
  readState,
  startPulumi,
  until,
  writeFiles,
  type GoingRun,
  type Stack,
} from "./stack";
import { withNotedBuildx } from "./trap";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry();
});

interface GoingBuild {
  readonly stack: Stack;
  readonly run: GoingRun;
  readonly repository: string;
  readonly buildxPids: readonly number[];
  /** Where the provider keeps what is temporary; the provider's process ids are the names in it. */
  readonly leftovers: string;
}

/** Starts an up and returns when its build's slow step runs. */
async function startBuild(seconds: number): Promise<GoingBuild> {
  const repository = `${registry.address}/e2e/${newWord()}`;
  const temporary = makeTemporaryFolder();
  const buildx = withNotedBuildx();
  const program = `${IMPORTS}
const image = Image.debianSlim("3.11").runCommands("echo ${newWord()}", "sleep ${seconds}");
new BuiltImage("api", { image, repository: "${repository}" });
`;
  const stack = await makeStack({ "index.ts": program }, { ...registry.env, ...buildx.env, TMPDIR: temporary });
  const run = startPulumi(stack, "up");
  endAfterTest(run);
  await until(() => run.output().includes(`runCommands sleep ${seconds}`), 60_000, "the slow step runs");
  return { stack, run, repository, buildxPids: buildx.pids(), leftovers: join(temporary, `slipway-${userInfo().uid}`) };
}

/** As a terminal does it: to the whole group. Pulumi's plugins have groups of their own. */
function pressCtrlC(run: GoingRun): void {
  process.kill(-run.pid, "SIGINT");
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length > 0;
}

test("after a first Ctrl-C the build that runs is finished, and its tag is there", async () => {
  const { stack, run, repository, leftovers } = await startBuild(3);
  pressCtrlC(run);
  const { text, lines } = await run.ended;
  expect(text).not.toMatch(/node:internal|dist\/provider/);
  expect(lines["api"]).toContain(
    "info: cancelling: this image is finished first; a second Ctrl-C stops it within 5 seconds",
  );
  const api = readState(stack)["api"];
  expect(api?.id, text).toMatch(/^[0-9a-f]{64}$/);
  expect(await fetchTags(repository)).toEqual([api?.id]);
  await until(() => !hasFiles(leftovers), 5_000, "what is temporary is gone");
});

test("after a second Ctrl-C neither a process nor a file nor a tag is left within 5 seconds", async () => {
  const { stack, run, repository, buildxPids, leftovers } = await startBuild(120);
  const providers = readdirSync(leftovers).map(Number);
  expect(providers).toHaveLength(1);
  expect(buildxPids.length).toBeGreaterThan(0);
  expect(identify(buildxPids.at(-1) ?? 0)).toBeDefined();
  pressCtrlC(run);
  await until(() => /cancelling/i.test(run.output()), 5_000, "Pulumi heard the first one");
  pressCtrlC(run);
  const isGone = () =>
    [...providers, ...buildxPids].every((pid) => identify(pid) === undefined) && !hasFiles(leftovers);
  await until(isGone, 5_000, "everything of ours has ended");
  const { exitCode } = await run.ended;
  expect(exitCode).not.toBe(0);
  expect(await fetchTags(repository)).toEqual([]);
  expect(readState(stack)["api"]).toBeUndefined();
});

test.each(["the provider", "Pulumi"])(
  "when %s was killed with kill -9, buildx is gone within 10 seconds, and the next up sweeps and builds",
  async (victim) => {
    const { stack, run, repository, buildxPids, leftovers } = await startBuild(30);
    const providers = readdirSync(leftovers).map(Number);
    const buildx = buildxPids.at(-1) ?? 0;
    expect(identify(buildx)).toBeDefined();
    process.kill(victim === "Pulumi" ? run.pid : (providers[0] ?? 0), "SIGKILL");
    const isGone = () => [...providers, buildx].every((pid) => identify(pid) === undefined);
    await until(isGone, 10_000, "provider and buildx have ended");
    await run.ended;
    expect(await fetchTags(repository)).toEqual([]);
    const cancelled = await cancelStack(stack);
    expect(cancelled).toBe(0);
    const program = readFileSync(join(stack.folder, "index.ts"), "utf8").replace(/"sleep \d+"/, '"true"');
    writeFiles(stack.folder, { "index.ts": program });
    const next = await pulumi(stack, "up");
    expect(next.exitCode, next.text).toBe(0);
    expect(await fetchTags(repository)).toEqual([readState(stack)["api"]?.id]);
    await until(() => !hasFiles(leftovers), 5_000, "what was left is swept");
  },
);
