import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, onTestFinished } from "vitest";
import * as v from "valibot";

export const cloneFolder = realpathSync(join(__dirname, "..", ".."));
/** What Pulumi shows as `[unknown]`. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** The first line of a program, so that a program's own lines begin at 2. */
export const IMPORTS = `import * as pulumi from "@pulumi/pulumi"; import { Image } from "slipway"; import { BuiltImage, ociRepository } from "slipway/pulumi";\n`;

/** A Pulumi program in a folder of its own, with a backend of its own and the stack `dev`. */
export interface Stack {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** One run of the Pulumi CLI. */
export interface Run {
  readonly exitCode: number | null;
  /** Everything that the user sees. */
  readonly text: string;
  /** How many resources of each kind of change: `{ same: 2 }`. */
  readonly changes: Readonly<Record<string, number>>;
  /** The steps of each resource, by its name. */
  readonly steps: Readonly<Record<string, readonly string[]>>;
  /** What each resource was given, by its name. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The lines beside each resource, by its name; those of nobody under `""`. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

export async function makeStack(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): Promise<Stack> {
  const folder = makeTemporaryFolder();
  writeFiles(folder, {
    "Pulumi.yaml": "name: app\nruntime: nodejs\n",
    "package.json": `{ "name": "app", "private": true }`,
    "tsconfig.json": `{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true } }`,
    ...files,
  });
  for (const name of ["slipway", "@pulumi/pulumi", "typescript", "ts-node"]) link(folder, name);
  mkdirSync(join(folder, "state"));
  const stack = { folder, env: { ...stackEnv(folder), ...env } };
  await initStack(stack);
  return stack;
}

/** A folder that goes when the test file is done. */
export function makeTemporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-e2e-")));
  temporary.add(folder);
  return folder;
}

/** Ends something when the test file is done, before its temporary folders go: a daemon's record lies in one. */
export function endWithFile(end: () => Promise<void>): void {
  ends.push(end);
}

const temporary = new Set<string>();
const ends: (() => Promise<void>)[] = [];

// Registered before any other hook of a test file, so it runs after all of them.
afterAll(async () => {
  await Promise.all(ends.map((end) => end()));
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
});

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Links a package into a program's node_modules: the clone itself as `slipway`, or one of its dependencies. */
export function link(
  folder: string,
  name: string,
  target = name === "slipway" ? cloneFolder : join(cloneFolder, "node_modules", name),
): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

export function stackEnv(folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    PULUMI_DEBUG_COMMANDS: "true", // Otherwise there is no --event-log.
    // Instead of Vitest's own, which would load into every process of Pulumi.
    NODE_OPTIONS: `--require ${JSON.stringify(join(__dirname, "lazy-packages.cjs"))}`,
  };
}

export async function initStack(stack: Stack): Promise<void> {
  const { exitCode, text } = await start(stack, ["stack", "init", "dev", "--non-interactive"]).ended;
  if (exitCode !== 0) throw new Error(text);
}

/** Takes away the lock that a killed run left behind. */
export async function cancelStack(stack: Stack): Promise<number | null> {
  return (await start(stack, ["cancel", "--stack", "dev", "--yes", "--non-interactive"]).ended).exitCode;
}

export type Command = "preview" | "up" | "refresh" | "destroy";

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** As a user has it; the tests leave the preview of an up out to be quick. */
  readonly isPreviewedFirst?: boolean;
}

/** Runs `pulumi <command>` without a terminal and without questions. */
export async function pulumi(stack: Stack, command: Command, options: RunOptions = {}): Promise<Run> {
  return await startPulumi(stack, command, options).ended;
}

/** A run that goes on; `output` is what it has printed so far. */
export interface GoingRun {
  readonly pid: number;
  readonly output: () => string;
  readonly ended: Promise<Run>;
}

export function startPulumi({ folder, env }: Stack, command: Command, options: RunOptions = {}): GoingRun {
  const events = join(folder, `events-${++runs}.json`);
  const unasked = command === "preview" ? [] : ["--yes", ...(options.isPreviewedFirst ? [] : ["--skip-preview"])];
  const args = [command, "--stack", "dev", "--non-interactive", "--color", "never", "--event-log", events, ...unasked];
  const run = start({ folder, env: { ...env, ...options.env } }, [...args, ...(options.args ?? [])]);
  return { ...run, ended: run.ended.then((end) => ({ ...end, ...readEvents(events) })) };
}

let runs = 0;

function start({ folder, env }: Stack, args: readonly string[]) {
  // A group of its own, so that a signal for it meets nobody else.
  const child = spawn("pulumi", args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const text = () => Buffer.concat(chunks).toString("utf8");
  const ended = new Promise<{ exitCode: number | null; text: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, text: text() }));
  });
  return { pid: child.pid ?? 0, output: text, ended };
}

const record = v.record(v.string(), v.unknown());
const eventSchema = v.object({
  resourcePreEvent: v.optional(
    v.object({ metadata: v.object({ op: v.string(), urn: v.string(), new: v.nullish(v.object({ inputs: record })) }) }),
  ),
  resOutputsEvent: v.optional(
    v.object({ metadata: v.object({ type: v.string(), new: v.nullish(v.object({ outputs: record })) }) }),
  ),
  diagnosticEvent: v.optional(
    v.object({
      urn: v.optional(v.string()),
      severity: v.string(),
      message: v.string(),
      ephemeral: v.optional(v.boolean()),
    }),
  ),
  summaryEvent: v.optional(v.object({ resourceChanges: v.record(v.string(), v.number()) })),
});

function readEvents(file: string): Omit<Run, "exitCode" | "text"> {
  const steps: Record<string, string[]> = {};
  const inputs: Record<string, Readonly<Record<string, unknown>>> = {};
  const lines: Record<string, string[]> = {};
  let outputs: Readonly<Record<string, unknown>> = {};
  let changes: Readonly<Record<string, number>> = {};
  for (const line of readLines(file)) {
    const event = v.parse(eventSchema, JSON.parse(line));
    const { resourcePreEvent: before, resOutputsEvent: after, diagnosticEvent: said, summaryEvent: summary } = event;
    if (before !== undefined) {
      const name = nameOf(before.metadata.urn);
      (steps[name] ??= []).push(before.metadata.op);
      if (before.metadata.new) inputs[name] ??= before.metadata.new.inputs;
    }
    if (after?.metadata.type === "pulumi:pulumi:Stack") outputs = after.metadata.new?.outputs ?? outputs;
    if (said !== undefined && said.severity !== "debug") {
      (lines[nameOf(said.urn ?? "")] ??= []).push(`${said.severity}: ${said.message.trimEnd()}`);
    }
    if (summary !== undefined) changes = summary.resourceChanges;
  }
  return { steps, inputs, lines, outputs, changes };
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return []; // It ended before it had anything to tell.
  }
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

const resourceSchema = v.looseObject({
  urn: v.string(),
  id: v.optional(v.string()),
  inputs: v.optional(record, {}),
  outputs: v.optional(record, {}),
});
const stateSchema = v.object({
  checkpoint: v.object({ latest: v.nullish(v.object({ resources: v.optional(v.array(resourceSchema), []) })) }),
});

/** The stack's resources as its backend keeps them, by name. */
export function readState({ folder }: Stack): Readonly<Record<string, v.InferOutput<typeof resourceSchema>>> {
  const text = readFileSync(join(folder, "state", ".pulumi", "stacks", "app", "dev.json"), "utf8");
  const resources = v.parse(stateSchema, JSON.parse(text)).checkpoint.latest?.resources ?? [];
  return Object.fromEntries(resources.map((resource) => [nameOf(resource.urn), resource]));
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ends a run that a failing test left behind. */
export function endAfterTest(run: GoingRun): void {
  onTestFinished(async () => {
    let isOver = false;
    void run.ended.finally(() => (isOver = true));
    await Promise.resolve();
    if (!isOver) signalGroup(run.pid);
  });
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
