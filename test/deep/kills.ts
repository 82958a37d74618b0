import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startBuildkit, startRegistry } from "../../tools/environment.mjs";
import { anyFreePort } from "../../tools/local/registry.mjs";
import { FaultProxy, type Watcher } from "../fakes/fault-proxy";
import { Random } from "./random";
import { readTags } from "./stored-image";
import { pushTinyBase } from "./tiny-base";

export const places = ["base pull", "RUN", "blob upload", "between push and tag", "inside the tag's PUT"] as const;
export type KillPlace = (typeof places)[number];
export const victims = ["client", "buildkitd", "registry"] as const;
export type Victim = (typeof victims)[number];

export interface KillOptions {
  readonly seed: number;
  readonly count: number;
  /** A folder that comes first on the client's PATH. */
  readonly bin?: string;
  /** Default: all, in turn. */
  readonly only?: readonly (readonly [KillPlace, Victim])[];
}

export interface KillRun {
  /** Kills that were fired, by `place: victim`. */
  readonly histogram: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const cloneFolder = join(__dirname, "../..");
const main = join(cloneFolder, "dist/cli/main.js");
const GONE_MS = 10_000;

/** Kills one party of a build with kill -9, on the very request or process, and builds again. */
export async function runKills({ seed, count, bin, only }: KillOptions): Promise<KillRun> {
  const random = new Random(seed);
  const pairs = only ?? victims.flatMap((victim) => places.map((place) => [place, victim] as const));
  const parts = await startParts();
  const histogram: Record<string, number> = {};
  const wrong: string[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const [place, victim] = pairs[index % pairs.length] ?? ["RUN", "client"];
      const killing = { place, victim, index, random, bin };
      const { isFired, why } = await killOnce(parts, killing);
      const name = `${place}: ${victim}`;
      if (isFired) histogram[name] = (histogram[name] ?? 0) + 1;
      else wrong.push(`${name}: it was never reached`);
      if (why !== undefined) wrong.push(`${name}: ${why}`);
    }
  } finally {
    await parts.stop();
  }
  return { histogram, wrong };
}

type Parts = Awaited<ReturnType<typeof startParts>>;

/** A registry, a fault proxy before it and a BuildKit, which come again after they were killed. */
async function startParts() {
  const folder = mkdtempSync(join(tmpdir(), "slipway-kills-"));
  const port = await anyFreePort();
  const runRegistry = () => startRegistry({ root: join(folder, "registry"), port });
  const runBuildkit = () => startBuildkit({ root: join(folder, "buildkit") });
  let registry = await runRegistry();
  let buildkit = await runBuildkit();
  const proxy = await new FaultProxy({ target: registry.address }).start();
  return {
    folder,
    proxy,
    registry: () => registry,
    buildkit: () => buildkit,
    restore: async (victim: Victim): Promise<void> => {
      switch (victim) {
        case "client":
          return;
        case "registry":
          await registry.stop();
          registry = await runRegistry();
          return;
        case "buildkitd":
          await buildkit.stop();
          buildkit = await runBuildkit();
      }
    },
    stop: async (): Promise<void> => {
      await Promise.all([proxy.stop(), registry.stop(), buildkit.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Killing {
  readonly place: KillPlace;
  readonly victim: Victim;
  readonly index: number;
  readonly random: Random;
  readonly bin: string | undefined;
}

async function killOnce(parts: Parts, killing: Killing): Promise<{ readonly isFired: boolean; readonly why?: string }> {
  const { place, victim, index, random } = killing;
  const path = `kills/${process.pid}-${index}`;
  const project = await makeProject(parts, killing);
  const client = startClient(parts, { project, path, bin: killing.bin });
  const pauseMs = random.below(3_000);
  let restored: Promise<void> | undefined;
  let isFired = false;
  const fire = (): void => {
    if (isFired) return;
    isFired = true;
    const pids = { client: client.pid, buildkitd: parts.buildkit().pid, registry: parts.registry().pid };
    process.kill(pids[victim], "SIGKILL");
    // A registry comes again while the build still tries.
    if (victim === "registry") restored = sleep(pauseMs).then(() => parts.restore(victim));
  };
  parts.proxy.watcher = watcherOf(place, random, fire);
  const ended = client.ended.then(() => "ended" as const);
  if (place === "RUN") await Promise.race([ended, whenRuns(`2.${index}`).then(fire)]);
  const first = await Promise.race([ended, sleep(120_000, "late" as const)]);
  parts.proxy.watcher = undefined;
  if (first === "late") process.kill(client.pid, "SIGKILL");
  const alive = victim === "client" ? await whenGone(project) : undefined;
  await (restored ?? parts.restore(victim));
  const repository = `${parts.registry().address}/${path}`;
  const afterKill = findWrong(await readTags(repository));
  const next = startClient(parts, { project, path });
  const { exitCode, text } = await next.ended;
  const tags = await readTags(repository);
  const left = readdirSync(join(project, "tmp"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes("/"),
  );
  const why =
    (first === "late" ? "it hung" : undefined) ??
    alive ??
    (afterKill === undefined ? undefined : `after the kill ${afterKill}`) ??
    (exitCode === 0 ? undefined : `the next build failed: ${text}`) ??
    findWrong(tags) ??
    (tags.length === (place === "RUN" ? 1 : 2) ? undefined : `there are ${tags.length} tags`) ??
    (left.length === 0 ? undefined : `left behind: ${left.join(", ")}`);
  return why === undefined ? { isFired } : { isFired, why };
}

function findWrong(tags: Awaited<ReturnType<typeof readTags>>): string | undefined {
  const wrong = tags.find((tag) => tag.wrong !== undefined);
  return wrong === undefined ? undefined : `the tag ${wrong.tag} is wrong: ${wrong.wrong}`;
}

/** Fires on the request of a place; which one of several, and on which side of it, is the seed's. */
function watcherOf(place: KillPlace, random: Random, fire: () => void): Watcher {
  const moment = random.pick(["asked", "answered"] as const);
  let skip = random.below(2);
  let isPushed = false;
  return ({ kind, moment: now }) => {
    switch (place) {
      case "base pull":
        if (kind === "pull" && now === moment) fire();
        return;
      case "RUN":
        return;
      case "blob upload":
        if (kind === "blobUpload" && now === moment && (skip -= 1) < 0) fire();
        return;
      case "between push and tag":
        if (kind === "manifestPut" && now === "answered") isPushed = true;
        else if (isPushed && now === "asked" && kind !== "tagPut") fire();
        return;
      case "inside the tag's PUT":
        if (kind === "tagPut" && now === moment) fire();
    }
  };
}

/**
 * A program whose image is a new one; where its base is pulled, the base is new, too, and its workdir is a prefix with a
 * tag of its own.
 */
async function makeProject(parts: Parts, { place, index }: Killing): Promise<string> {
  const project = join(parts.folder, `project-${index}`);
  for (const folder of ["node_modules", "tmp"]) mkdirSync(join(project, folder), { recursive: true });
  symlinkSync(cloneFolder, join(project, "node_modules/slipway"));
  const word = `${process.pid}-${index}-${Date.now()}`;
  writeFileSync(join(project, "word"), word);
  writeFileSync(join(project, "package.json"), "{}");
  const base = `bases/b${index}`;
  if (place !== "RUN") await pushTinyBase(parts.registry().address, base, index);
  const image =
    place === "RUN"
      ? `Image.debianSlim("3.11").runCommands("echo ${word} > /word; sleep 2.${index}")`
      : `Image.base("${parts.proxy.host}/${base}:1").workdir("/w").addLocalFile("word", "/lib/word", { strategy: "copy" })`;
  writeFileSync(join(project, "images.ts"), `import { Image } from "slipway";\nexport const api = ${image};\n`);
  return project;
}

function startClient(
  parts: Parts,
  { project, path, bin }: { readonly project: string; readonly path: string; readonly bin?: string | undefined },
) {
  const repository = `${parts.proxy.host}/${path}`;
  const args = [main, "image", "build", "images.ts#api", "--repository", repository];
  const child = spawn(process.execPath, [...args, "--builder", parts.buildkit().endpoint], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      TMPDIR: join(project, "tmp"),
      PATH: `${bin === undefined ? "" : `${bin}:`}${process.env["PATH"]}`,
    },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
  const ended = new Promise<{ exitCode: number | null; text: string }>((resolve) => {
    child.on("close", (exitCode) => resolve({ exitCode, text }));
  });
  return { pid: child.pid ?? 0, ended };
}

/** Until a process runs that has a word among its arguments. */
async function whenRuns(word: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (findProcesses((args) => args.includes("sleep") && args.includes(word)).length === 0) {
    if (performance.now() > end) return;
    await sleep(20);
  }
}

/** What is alive of a client's children after ten seconds; their arguments name its temporary folder. */
async function whenGone(project: string): Promise<string | undefined> {
  const end = performance.now() + GONE_MS;
  for (;;) {
    const alive = findProcesses((args) => args.some((arg) => arg.includes(`${project}/tmp`)));
    if (alive.length === 0) return undefined;
    if (performance.now() > end) return `processes ${alive.join(", ")} live 10 s after their parent`;
    await sleep(50);
  }
}

function findProcesses(matches: (args: readonly string[]) => boolean): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => {
      try {
        return matches(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
      } catch {
        return false; // It has ended.
      }
    })
    .map(Number);
}

export function describeKills({ histogram, wrong }: KillRun): string {
  const counts = Object.entries(histogram).map(([name, count]) => `${name} ${count}`);
  return `${Object.values(histogram).reduce((sum, count) => sum + count, 0)} kills (${counts.join(", ")}), ${wrong.length} wrong`;
}
