import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import * as v from "valibot";
import { describeStep } from "../sdk/diff";
import { renderDockerfile, type DockerfileText } from "../sdk/dockerfile";
import { inContext } from "../sdk/dockerfile-stages";
import { describeError, SlipwayError } from "../sdk/error";
import { addRunMounts } from "../sdk/run-mounts";
import { listSource } from "../sdk/sources";
import { isDockerfileBase, type ResolvedStep } from "../sdk/spec";
import { isSourceStep } from "../sdk/step";
import { watchBytes, type SourceReport } from "../sdk/tree-report";
import { cacheArgs } from "./build-cache";
import { buildAgain, isRegistrys, passingCause, PassingFailure, type BuildAgainOptions } from "./build-again";
import { BuildOutput, type LostPod } from "./build-output";
import type { Builder, BuildRequest } from "./builder";
import { platformsOf, type BuilderNodes } from "./builder-nodes";
import { DEFAULT_COMPRESSION, type BuilderChoice, type Compression } from "./builder-choice";
import { BUILDER_HINT, inspectBuilder, preferNode, prepareBuildx, type Buildx, type BuildxOptions } from "./buildx";
import { caMounts, readCaBundle } from "./ca-bundle";
import { sendContext, type ContextPart } from "./context";
import { parseEcrHost } from "./ecr-address";
import { explainBuildDenial } from "./ecr-denial";
import { guardChild } from "./guard";
import { describeImport, importFolders, listImport } from "./import";
import { explainDisk, type Leftovers } from "./leftovers";
import { maskSecrets } from "./mask";
import { refuseProxyArgs } from "./proxy-arguments";
import { PUSH_STALL_MS, StallTimer, stalled } from "./push-stall";
import type { SecretValue } from "./secret-store";
import { stageTree } from "./staging";
import { limitTime } from "./time-limit";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const KILL_AFTER_MS = 3_000;
/** How buildx finds values of secrets. */
const SECRET_VARIABLE = "SLIPWAY_BUILD_SECRET_";
const metadataSchema = v.object({ "containerimage.digest": v.string() });

export interface BuildkitOptions extends BuildAgainOptions, BuildxOptions {
  /** How long a push may tell nothing, in milliseconds. Default 30 minutes. */
  readonly pushStallMs?: number;
}

/** Builds with BuildKit, through buildx. */
export class BuildkitBuilder implements Builder {
  readonly #choice: BuilderChoice;
  readonly #leftovers: Leftovers;
  readonly #env: NodeJS.ProcessEnv;
  readonly #options: BuildkitOptions;
  #buildx: Promise<Buildx> | undefined;
  #nodes: Promise<BuilderNodes | undefined> | undefined;
  readonly #preferred = new Map<string, Promise<Buildx>>();

  constructor(choice: BuilderChoice, leftovers: Leftovers, env: NodeJS.ProcessEnv, options: BuildkitOptions = {}) {
    this.#choice = choice;
    this.#leftovers = leftovers;
    this.#env = env;
    this.#options = options;
  }

  async build(request: BuildRequest): Promise<string> {
    const { timeoutSeconds } = this.#choice;
    if (timeoutSeconds === undefined) return this.#build(request);
    const signal = limitTime(timeoutSeconds * 1_000, request.signal);
    try {
      return await this.#build({ ...request, signal });
    } catch (error) {
      throw signal.aborted && !request.signal.aborted ? tookTooLong(timeoutSeconds) : error;
    }
  }

  async #build(request: BuildRequest): Promise<string> {
    if (request.signal.aborted) throw cancelled(request);
    await refuseProxyArgs(request.spec, this.#env, request.baseCallSite);
    const rendered = renderDockerfile(request.spec, {
      from: request.from,
      prefixSteps: request.prefixSteps,
      images: request.images,
    });
    const dockerfile = { ...rendered, stepCount: request.stepCount ?? rendered.stepCount };
    const { caBundle } = this.#choice;
    const secrets =
      caBundle === undefined ? request.secrets : [...request.secrets, ...readCaBundle(caBundle, request.folder)];
    const sent = caBundle === undefined ? dockerfile.text : addRunMounts(dockerfile.text, caMounts);
    const mask = maskSecrets(request.secrets.map(({ value }) => value));
    const buildx = await this.#prepareFor(request.spec.platform);
    // buildx knows a folder again by its last name, so each build needs a new one.
    const folders = ["build", "context", "files"].map((name) => this.#leftovers.makeFolder(name));
    const [folder = "", context = "", files = ""] = folders;
    try {
      const parts = await contextParts(dockerfile, request, reportOf(request));
      const staged = await stageImport(dockerfile, { request, text: sent, parts, folder, context, files });
      const build = {
        request,
        choice: this.#choice,
        dockerfile,
        sent,
        secrets,
        mask,
        parts,
        folder,
        staged,
      };
      return await buildAgain(request, () => runBuild(buildx, build, this.#options), this.#options);
    } catch (error) {
      throw request.signal.aborted ? cancelled(request) : (explainDisk(error) ?? error);
    } finally {
      for (const path of folders) await rm(path, { recursive: true, force: true });
    }
  }

  async readPlatforms(): Promise<readonly string[] | undefined> {
    const nodes = await this.#readNodes();
    return nodes && platformsOf(nodes);
  }

  #prepare(): Promise<Buildx> {
    return (this.#buildx ??= prepareBuildx(this.#choice, this.#leftovers, this.#env, this.#options));
  }

  #readNodes(): Promise<BuilderNodes | undefined> {
    return (this.#nodes ??= this.#prepare().then(inspectBuilder));
  }

  #prepareFor(platform: string): Promise<Buildx> {
    // An address is one node.
    if (this.#choice.kind === "endpoint") return this.#prepare();
    const known = this.#preferred.get(platform) ?? this.#prefer(platform);
    this.#preferred.set(platform, known);
    return known;
  }

  async #prefer(platform: string): Promise<Buildx> {
    const [buildx, nodes] = await Promise.all([this.#prepare(), this.#readNodes()]);
    return nodes === undefined ? buildx : preferNode(buildx, nodes, platform, this.#leftovers);
  }
}

interface Build {
  readonly request: BuildRequest;
  readonly choice: BuilderChoice;
  readonly dockerfile: DockerfileText;
  /** The Dockerfile as the builder gets it. */
  readonly sent: string;
  readonly secrets: readonly SecretValue[];
  /** Takes the values of secrets out of a text. */
  readonly mask: (text: string) => string;
  readonly parts: readonly ContextPart[];
  readonly folder: string;
  /** Arguments for the context that was staged; none where the context is sent as a tar. */
  readonly staged: readonly string[] | undefined;
}

/**
 * An imported Dockerfile gets its context as a folder: with a tar, the Dockerfile would have to be in it, where
 * `COPY . .` would find it. What it reads and what the steps read are apart, so that neither sees the other.
 */
async function stageImport(
  { imported }: DockerfileText,
  to: {
    readonly request: BuildRequest;
    readonly text: string;
    readonly parts: readonly ContextPart[];
    readonly folder: string;
    readonly context: string;
    readonly files: string;
  },
): Promise<readonly string[] | undefined> {
  const { base } = to.request.spec;
  if (imported === undefined || !isDockerfileBase(base)) return undefined;
  const { baseCallSite, folder } = to.request;
  const report = reportOf(to.request);
  const tree = await inContext(base.source, baseCallSite, () => listImport(base, base.reads, folder, report));
  const stage = (part: ContextPart, what: string): Promise<void> =>
    stageTree(part, watchBytes(report, `${what}: copied`, part.tree));
  const source = `context of ${base.source}`;
  const root = importFolders(base, folder).context;
  await stage({ folder: to.context, tree, expected: base.tree, source, root }, describeImport(base));
  for (const part of to.parts) await stage({ ...part, folder: join(to.files, part.folder) }, part.source);
  await writeFile(join(to.folder, "Dockerfile"), to.text);
  // What is staged was chosen by the ignore rules: the context's own would be read again.
  await writeFile(join(to.folder, "Dockerfile.dockerignore"), "# nothing\n");
  return [
    ...["--file", join(to.folder, "Dockerfile")],
    ...(imported.target === undefined ? [] : ["--target", imported.target]),
    ...Object.entries(imported.buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    // The file's own `check` directive would end the build because of what is appended.
    ...["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all"],
    ...(to.parts.length === 0 ? [] : ["--build-context", `${imported.context}=${to.files}`]),
    to.context,
  ];
}

/** What was told of when it was hashed is not told again. */
function reportOf({ signal, onProgress }: BuildRequest): SourceReport {
  return { signal, status: (text) => onProgress({ text }) };
}

/** The local files that the steps of a Dockerfile read, each with its folder of the context. */
export async function contextParts(
  dockerfile: DockerfileText,
  request: Pick<BuildRequest, "spec" | "callSites" | "folder">,
  report: SourceReport,
): Promise<readonly ContextPart[]> {
  const parts: ContextPart[] = [];
  for (const { step, contextFolder } of dockerfile.steps) {
    if (!isSourceStep(step)) continue;
    const callSite = request.callSites[request.spec.steps.indexOf(step)];
    const { tree } = await listSource(step, request.folder, callSite, report);
    const root = step.kind === "copyDir" ? resolve(request.folder, step.source) : undefined;
    parts.push({ folder: contextFolder, tree, expected: step.tree, source: step.source, root });
  }
  return parts;
}

async function runBuild(
  buildx: Buildx,
  build: Build,
  { pushStallMs = PUSH_STALL_MS }: BuildkitOptions,
): Promise<string> {
  const { request, dockerfile } = build;
  const { idleTimeoutSeconds } = build.choice;
  if (request.signal.aborted) throw cancelled(request); // Stopped while the builder was looked for.
  const metadataFile = join(build.folder, "metadata.json");
  const child = spawn(buildx.command, [...buildx.prefix, ...buildArgs(buildx, build, metadataFile)], {
    env: { ...buildx.env, ...secretVariables(build.secrets) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const unguard = guardChild(child.pid);
  let last = "building";
  const onPhase = (text: string): void => request.onProgress({ text: (last = text) });
  const output = new BuildOutput({
    onStep: (count, name) =>
      onPhase(dockerfile.imported === undefined ? describeCounted(dockerfile, count) : `building ${shorten(name)}`),
    onPhase,
  });
  const stall = new StallTimer(pushStallMs, () => end(child));
  const idle = new StallTimer((idleTimeoutSeconds ?? 0) * 1_000, () => end(child));
  // The exit code may come a little later.
  const lost = new StallTimer(1_000, () => end(child));
  const watch = (): void => {
    stall.set(output.isPushing);
    idle.set(idleTimeoutSeconds !== undefined && !output.isExporting);
    lost.set(output.lostPod !== undefined);
  };
  createInterface({ input: child.stderr }).on("line", (line) => {
    output.readLine(line);
    watch();
  });
  watch();
  child.stdout.resume();
  child.stdin.on("error", () => undefined);
  const ended = endOf(child).finally(unguard);
  const stop = (): void => end(child);
  request.signal.addEventListener("abort", stop, { once: true });
  try {
    // When buildx ends early its exit code says more than the pipe that it closed.
    const sent = sendAll(build, child.stdin).catch((error: unknown) => {
      end(child);
      return error;
    });
    const [outcome, code] = await Promise.all([sent, ended]);
    if (request.signal.aborted) throw cancelled(request);
    if (outcome instanceof Error) throw outcome;
    if (output.lostPod !== undefined && code !== 0) throw podEnded(last, output.lostPod);
    if (idle.hasEnded) throw silent(last, idleTimeoutSeconds ?? 0);
    if (stall.hasEnded) throw new PassingFailure(stalled(request.repository, pushStallMs), "stall");
    // Success without all that was to be sent would be an image of something else.
    if (code !== 0 || outcome !== true) {
      const error = failed(build, output);
      const cause = passingCause(output.error);
      throw cause === undefined ? error : new PassingFailure(error, cause);
    }
    const metadata = v.parse(v.pipe(v.string(), v.parseJson(), metadataSchema), await readFile(metadataFile, "utf8"));
    return metadata["containerimage.digest"];
  } finally {
    stall.set(false);
    idle.set(false);
    lost.set(false);
    request.signal.removeEventListener("abort", stop);
  }
}

/**
 * The exporter's attributes are part of what a format emits, but for the compression: every one of them changes bytes. `store=false` is what lets
 * `rewrite-timestamp` work on a builder that keeps images.
 */
function buildArgs(
  buildx: Buildx,
  { request, choice, secrets, staged }: Build,
  metadataFile: string,
): readonly string[] {
  const { repository, owner = "", prefixSteps = 0 } = request;
  const { platform } = request.spec;
  const compression: Compression = choice.compression ?? DEFAULT_COMPRESSION;
  // On a prefix there is nothing to look for: cache is of what is built from the base.
  const cache = prefixSteps > 0 ? undefined : choice.cache;
  const name = `${repository.host}/${repository.path}`;
  const output = [
    `type=image,"name=${name}"`,
    "push=true,push-by-digest=true,name-canonical=true,store=false",
    `oci-mediatypes=true,rewrite-timestamp=true,compression=${compression}`,
  ].join(",");
  return [
    "build",
    ...buildx.builderArgs,
    ...["--platform", platform],
    ...(cache === undefined ? [] : cacheArgs(cache, { repository, platform, owner, compression })),
    ...["--progress", "rawjson", "--metadata-file", metadataFile],
    ...["--provenance=false", "--sbom=false", "--build-arg", "SOURCE_DATE_EPOCH=0"],
    ...secrets.flatMap((secret, index) => ["--secret", secretFlag(secret, index)]),
    ...["--output", output, ...(staged ?? ["-"])],
  ];
}

/** Arguments can be read by every process of the machine, an environment by the user's own only. */
function secretFlag({ id, path }: SecretValue, index: number): string {
  // Fields as encoding/csv reads them.
  const source = path === undefined ? `env=${SECRET_VARIABLE}${index}` : `"src=${path.replaceAll('"', '""')}"`;
  return `id=${id},${source}`;
}

function secretVariables(secrets: readonly SecretValue[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    secrets.flatMap(({ value, path }, index) => (path === undefined ? [[`${SECRET_VARIABLE}${index}`, value]] : [])),
  );
}

/** Whether everything was handed over. */
async function sendAll({ sent, parts, staged }: Build, to: Writable): Promise<boolean> {
  if (staged === undefined) return sendContext(sent, parts, to);
  to.end();
  return true;
}

function endOf(child: Child): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => {
      const text = `building: buildx cannot be started: ${describeError(cause)}.`;
      reject(new SlipwayError({ code: "BUILDER_UNAVAILABLE", text, hint: "See that it can be executed.", cause }));
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** buildx ends its build on the daemon, too, when it is asked to end. */
function end(child: Child): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS).unref();
}

/**
 * What BuildKit builds as `count` of its `[count/total]`, by our own numbers: it counts the base as 1, then what makes a
 * layer or a folder.
 */
function describeCounted(dockerfile: DockerfileText, count: number): string {
  let last = 1;
  for (const { step, number } of dockerfile.steps) {
    last += countedInstructions(step);
    if (count > 1 && count <= last) {
      return `building step ${number} of ${dockerfile.stepCount}: ${shorten(describeStep(step))}`;
    }
  }
  return dockerfile.steps[0]?.number === 1 ? "getting the base" : "getting the stored steps";
}

/** dockerfile2llb counts RUN, COPY, ADD and WORKDIR. */
function countedInstructions(step: ResolvedStep): number {
  switch (step.kind) {
    case "pip":
    case "pipRequirements":
    case "apt":
    case "run":
    case "workdir":
    case "copyFile":
    case "copyDir":
      return 1;
    case "dockerfile":
      return step.commands.join("\n").match(/^\s*(RUN|COPY|ADD|WORKDIR)\s/gim)?.length ?? 0;
    case "env":
    case "user":
    case "entrypoint":
    case "cmd":
      return 0;
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function failed({ request, dockerfile, mask }: Build, output: BuildOutput): SlipwayError {
  const error = mask(output.error);
  const denial = explainBuildDenial(error, request.repository);
  if (denial !== undefined) return denial;
  if (
    /failed to (connect|list workers|dial)|connection refused|no such host|no builder .* found|error reading server preface|context deadline exceeded|closing transport|code = Unavailable/i.test(
      error,
    ) &&
    // Then the builder answers, and a registry does not.
    !isRegistrys(error) &&
    output.failed === undefined
  ) {
    return new SlipwayError({
      code: "BUILDER_UNAVAILABLE",
      text: `building: the builder does not answer: ${error}.`,
      hint: BUILDER_HINT,
    });
  }
  const line = output.failedLine;
  const ofFile = line === undefined ? undefined : lineOfFile(dockerfile, line);
  const { base } = request.spec;
  if (ofFile !== undefined && isDockerfileBase(base))
    return failedInFile(`${base.source}:${ofFile}`, { request, mask }, output);
  const entry = line === undefined ? undefined : dockerfile.steps.findLast((candidate) => candidate.line <= line);
  const vertex = output.failed;
  const printed = maskLines(vertex?.lines ?? [], mask).filter(
    (text, index, all) => text !== "" || index < all.length - 1,
  );
  const place = entry === undefined ? "" : `step ${entry.number} of ${dockerfile.stepCount} `;
  const what = entry === undefined ? error : `${describeStep(entry.step)}: ${reason(mask(vertex?.error ?? error))}`;
  return new SlipwayError({
    code: "BUILD_FAILED",
    text: [`building: ${place}failed: ${what}`, ...printed.map((text) => `  | ${text}`)].join("\n") + "\n",
    hint: hintOf(error, request.repository.host, entry !== undefined),
    callSite: entry === undefined ? undefined : request.callSites[request.spec.steps.indexOf(entry.step)],
  });
}

function hintOf(error: string, host: string, isStep: boolean): string {
  if (/failed to push/.test(error)) return hintOfPush(host);
  if (!isStep && isRegistrys(error)) {
    return "No tag was put. It is the builder that asks the registry, from where it runs: localhost is its own machine, or its own pod. See that it can reach it, and that your login may read there.";
  }
  return "No tag was put. What was built before is in the builder's cache.";
}

/** ECR tells a builder only that something is forbidden, not which of the actions of a push is. */
function hintOfPush(host: string): string {
  if (parseEcrHost(host) === undefined)
    return "No tag was put. See that the builder can reach that registry, that the login of your Docker configuration may write there, and that the registry has space; its log says more.";
  const actions = ["BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"];
  const needed = [...actions, "PutImage"].map((action) => `ecr:${action}`).join(", ");
  return `See that the builder can reach that registry, and that your AWS credentials allow all of ${needed} (docs/iam.md).`;
}

/** A secret may have several lines. */
function maskLines(lines: readonly string[], mask: Build["mask"]): readonly string[] {
  return lines.length === 0 ? [] : mask(lines.join("\n")).split("\n");
}

/** The line of the imported file that was built as this one; none where a step was. */
function lineOfFile({ imported }: DockerfileText, line: number): number | undefined {
  if (imported === undefined) return undefined;
  const { line: first, count } = imported.appended;
  return line < first ? line : line < first + count ? undefined : line - count;
}

function failedInFile(
  place: string,
  { request, mask }: Pick<Build, "request" | "mask">,
  output: BuildOutput,
): SlipwayError {
  const vertex = output.failed;
  const lines = maskLines(vertex?.lines ?? [], mask).filter((text) => text !== "");
  const printed = lines.map((text) => `  | ${text}`);
  const what = mask(vertex === undefined ? output.error : `${shorten(vertex.name)}: ${reason(vertex.error)}`);
  return new SlipwayError({
    code: "BUILD_FAILED",
    text: [`building: ${place} failed: ${what}`, ...printed].join("\n") + "\n",
    hint: "No tag was put. What was built before is in the builder's cache.",
    callSite: request.baseCallSite,
  });
}

/** BuildKit repeats the whole command, which is on the line already. */
function reason(error: string): string {
  return /did not complete successfully: (exit code: \d+)/.exec(error)?.[1]?.replace(":", "") ?? error;
}

function cancelled(request: BuildRequest): SlipwayError {
  return new SlipwayError({
    code: "BUILD_CANCELLED",
    text: `building for ${request.repository.host}/${request.repository.path}: it was stopped, and no tag was put.`,
    hint: "Run it again: what was built so far is in the builder's cache.",
  });
}

function tookTooLong(seconds: number): SlipwayError {
  return new SlipwayError({
    code: "BUILD_TIMEOUT",
    text: `building: it took longer than ${seconds} s and was stopped.`,
    hint: "What was built before is in the builder's cache: run it again, or raise the builder's timeoutSeconds.",
  });
}

function podEnded(last: string, { exitCode }: LostPod): SlipwayError {
  return new SlipwayError({
    code: "BUILDER_UNAVAILABLE",
    text: `${last}: the builder's pod ended${exitCode === undefined ? "" : ` with exit code ${exitCode}`}.`,
    hint: "kubectl describe pod says why; exit code 137 is mostly too little memory (limits). No tag was put; run it again when the Deployment has a pod.",
  });
}

function silent(last: string, seconds: number): SlipwayError {
  return new SlipwayError({
    code: "BUILD_TIMEOUT",
    text: `${last}: nothing was heard of it for ${seconds} s, and it was stopped.`,
    hint: "See what waits there; a step that prints now and then goes on. Or raise the builder's idleTimeoutSeconds.",
  });
}
