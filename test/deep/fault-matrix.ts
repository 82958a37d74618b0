import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import type { Credentials } from "../../provider/credentials";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { EcrRegistry } from "../../provider/ecr-registry";
import { Leftovers } from "../../provider/leftovers";
import { OciRegistry } from "../../provider/oci-registry";
import { ImageProgram } from "../../provider/program";
import { publishImage } from "../../provider/publish";
import type { Registry } from "../../provider/registry";
import { SlipwayError } from "../../sdk/error";
import { Image } from "../../sdk/image";
import { parseRepository } from "../../sdk/reference";
import { FaultProxy, faults, requestKinds, type Fault, type FaultPlan } from "../fakes/fault-proxy";
import { noSecrets } from "../fakes/secret-places";
import { hostOf, PLACE, type Ecr } from "../integration/ecr-parts";
import { environmentBuilder, newName, registry } from "../integration/real-parts";
import { Random } from "./random";
import { readTags } from "./stored-image";
import { pushTinyBase } from "./tiny-base";

/** Real limits are 30 s and more; a stall of so long is one here. */
const STALL_MS = 2_000;
/** Above BuildKit's own longest pause between two attempts, 4 s, of which it tells nothing. */
const PUSH_STALL_MS = 6_000;
/** Within which a build through three faults ends, on a busy machine, too: much less than fetch's own five minutes. */
const PASSING_MS = 150_000;
/** Within which a fault that stays is told: our own limits above and a few attempts, or BuildKit's own. */
const PERMANENT_MS = { ours: 45_000, buildkit: 90_000 } as const;
const LOGIN = { username: "ci", password: "canary-of-the-fault-matrix" };
const SIGNAL = new AbortController().signal;

export interface MatrixOptions {
  readonly seed: number;
  readonly count: number;
  /** The plain registry with the bases; the faulty one stands before the same. */
  readonly plainHost: string;
  /** Asked instead of the plain registry. */
  readonly ecr?: Ecr;
  readonly atOnce?: number;
  /** Leaves out what BuildKit itself waits long for: its pushes fail once only, and never for good. */
  readonly isQuick?: boolean;
}

export interface MatrixRun {
  /** Runs by `fault × kind`. */
  readonly cells: Readonly<Record<string, number>>;
  readonly succeeded: number;
  /** Permanent faults that gave the expected error. */
  readonly refused: number;
  /** Runs whose fault met no request. */
  readonly unmet: number;
  readonly slowestMs: number;
  readonly slowest: string;
  /** Of the permanent faults. */
  readonly slowestRefusalMs: number;
  readonly wrong: readonly string[];
}

/** Builds and pushes images through a registry that fails, in every way at every kind of request, in turn. */
export async function runFaultMatrix(options: MatrixOptions): Promise<MatrixRun> {
  const random = new Random(options.seed);
  const base = `${options.plainHost}/faults/base-${newName()}`;
  await pushTinyBase(options.plainHost, base.slice(options.plainHost.length + 1));
  const folder = mkdtempSync(join(tmpdir(), "slipway-faults-"));
  const limit = pLimit(options.atOnce ?? 4);
  const cells: Record<string, number> = {};
  const counts = { succeeded: 0, refused: 0, unmet: 0, slowestMs: 0, slowest: "", slowestRefusalMs: 0 };
  const wrong: string[] = [];
  try {
    const plans = Array.from({ length: options.count }, (_, index) => planOf(index, random, options));
    await Promise.all(
      plans.map((plan, index) =>
        limit(async () => {
          const name = `${plan.fault} × ${plan.kind}`;
          cells[name] = (cells[name] ?? 0) + 1;
          const file = join(folder, String(index));
          writeFileSync(file, newName());
          const image = Image.base(`${base}:1`).addLocalFile(file, "/word", { strategy: "copy" });
          const startedMs = performance.now();
          const outcome = await runOnce(image, plan, { ...options, folder });
          const tookMs = Math.round(performance.now() - startedMs);
          if (outcome.kind === "refused") counts.slowestRefusalMs = Math.max(counts.slowestRefusalMs, tookMs);
          if (tookMs > (outcome.kind === "refused" ? limitMs(plan) : PASSING_MS))
            wrong.push(`${name}, ${plan.times} times: ${outcome.kind} after ${tookMs} ms`);
          if (tookMs > counts.slowestMs)
            Object.assign(counts, { slowestMs: tookMs, slowest: `${name}, ${plan.times} times` });
          if (outcome.kind === "wrong") wrong.push(`${name}, ${plan.times} times, after ${plan.skip}: ${outcome.why}`);
          else if (outcome.kind !== "unmet") counts[outcome.kind] += 1;
          if (!outcome.isMet) counts.unmet += 1;
        }),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { cells, ...counts, wrong };
}

/** Every seventh fault stays for ever. ECR's control plane has no 401: it answers with exceptions. */
function planOf(index: number, random: Random, { ecr, isQuick = false }: MatrixOptions): FaultPlan {
  const kind = requestKinds[index % requestKinds.length] ?? "token";
  const possible = faults.filter((fault) => !(ecr !== undefined && fault === "401" && isControlPlane(kind)));
  const fault = possible[Math.floor(index / requestKinds.length) % possible.length] ?? "500";
  const isPermanent = random.below(7) === 0;
  const times = isPermanent ? Infinity : 1 + random.below(3);
  const isSlow = kind === "token" || !isControlPlane(kind);
  return { kind, fault, skip: 0, times: isQuick && isSlow ? 1 : times };
}

function limitMs({ kind }: FaultPlan): number {
  return kind === "existence" || kind === "tagPut" ? PERMANENT_MS.ours : PERMANENT_MS.buildkit;
}

function isControlPlane(kind: FaultPlan["kind"]): boolean {
  return kind === "token" || kind === "existence" || kind === "tagPut";
}

interface Outcome {
  readonly kind: "succeeded" | "refused" | "unmet" | "wrong";
  readonly isMet: boolean;
  readonly why?: string;
}

async function runOnce(
  image: Image,
  plan: FaultPlan,
  { ecr, plainHost, folder }: MatrixOptions & { readonly folder: string },
): Promise<Outcome> {
  const path = `faults/${newName()}`;
  const parts = ecr === undefined ? await faultyRegistry(plainHost, path) : await faultyEcr(ecr, path);
  try {
    for (const proxy of parts.proxies) proxy.use(plan);
    const repository = `${parts.host}/${path}`;
    const attempt = publish(image, { registry: parts.registry, repository, folder, find: parts.find });
    const result = await attempt.catch((error: unknown) => error);
    const met = parts.proxies.reduce((sum, proxy) => sum + proxy.met, 0);
    for (const proxy of parts.proxies) proxy.use(undefined);
    const isMet = met > 0;
    const why = await judge(result, { image, plan, isMet, plainHost, folder, tags: await parts.readTags(path) });
    if (why !== undefined) return { kind: "wrong", isMet, why };
    return { kind: result instanceof Error ? "refused" : "succeeded", isMet };
  } finally {
    await Promise.all(parts.proxies.map((proxy) => proxy.stop()));
  }
}

/** What is wrong with how a run ended. */
async function judge(
  result: unknown,
  run: {
    readonly image: Image;
    readonly plan: FaultPlan;
    readonly isMet: boolean;
    readonly plainHost: string;
    readonly folder: string;
    readonly tags: readonly { readonly digest: string; readonly wrong: string | undefined }[];
  },
): Promise<string | undefined> {
  const { image, plan, plainHost, folder, tags } = run;
  const broken = tags.find((tag) => tag.wrong !== undefined);
  if (broken !== undefined) return `a tag is wrong: ${broken.wrong}`;
  // The same image without any fault: steps of a copy are deterministic.
  const repository = `${plainHost}/faults/${newName()}`;
  const right = await publish(image, { registry, repository, folder, find: () => Promise.resolve(undefined) });
  const other = tags.find((tag) => tag.digest !== right.digest);
  if (other !== undefined) return `a tag names ${other.digest}, not ${right.digest}`;
  const isPermanent = plan.times === Infinity && run.isMet;
  if (result instanceof Error) {
    if (!isPermanent) return `it failed: ${result.message}`;
    const code = result instanceof SlipwayError ? result.code : `no code: ${result.message}`;
    return expectedCodes(plan).includes(code) ? undefined : `${code}: ${result.message}`;
  }
  if (isPermanent && plan.fault !== "truncated") return "it succeeded in spite of the fault";
  return tags.length === 1 ? undefined : `it succeeded and there are ${tags.length} tags`;
}

/** What a fault that stays is told as. */
function expectedCodes({ kind, fault }: FaultPlan): readonly string[] {
  if (kind === "blobUpload" || kind === "manifestPut") {
    return fault === "stall" ? ["REGISTRY_UNAVAILABLE"] : ["BUILD_FAILED"];
  }
  // BuildKit asks for ECR's token through our credential helper, and tells what that said as its own failure.
  const byBuildkit = kind === "token" ? ["BUILD_FAILED"] : [];
  const answered: Readonly<Record<Fault, readonly string[]>> = {
    "429": ["REGISTRY_ANSWER", "REGISTRY_UNAVAILABLE"],
    "500": ["REGISTRY_ANSWER", "REGISTRY_UNAVAILABLE"],
    "503": ["REGISTRY_ANSWER", "REGISTRY_UNAVAILABLE"],
    "401": ["REGISTRY_DENIED"],
    reset: ["REGISTRY_UNAVAILABLE"],
    truncated: ["REGISTRY_UNAVAILABLE"],
    stall: ["REGISTRY_UNAVAILABLE"],
  };
  return [...answered[fault], ...byBuildkit];
}

interface Publishing {
  readonly registry: Registry;
  readonly repository: string;
  readonly folder: string;
  readonly find: (host: string) => Promise<Credentials | undefined>;
}

async function publish(image: Image, { registry: to, repository, folder, find }: Publishing) {
  const { specs } = await new ImageProgram({ folder, registry, mirrors: [] }).resolve(image, ["linux/amd64"]);
  const leftovers = new Leftovers(mkdtempSync(join(folder, "leftovers-")));
  const options = { findCredentials: find, pushStallMs: PUSH_STALL_MS, backoffMs: () => 50 };
  const builder = new BuildkitBuilder(parseBuilderChoice(environmentBuilder), leftovers, process.env, options);
  return publishImage(to, () => builder, {
    specs,
    callSites: [],
    folder,
    mirrors: [],
    repository: parseRepository(repository),
    bases: registry,
    secretPlaces: noSecrets,
    onProgress: () => undefined,
    signal: SIGNAL,
  });
}

async function faultyRegistry(plainHost: string, own: string) {
  const proxy = await new FaultProxy({ target: plainHost, login: LOGIN }).start();
  const find = (host: string): Promise<Credentials | undefined> =>
    Promise.resolve(host === proxy.host ? { kind: "password", ...LOGIN } : undefined);
  const faulty = new OciRegistry({ findCredentials: find, timeoutMs: STALL_MS, backoffMs: (attempt) => 20 * attempt });
  // A 401 in mid-build is one of those who were let in.
  await faulty.findDigest(parseRepository(`${proxy.host}/${own}`), "latest");
  proxy.revokeTokens();
  return {
    host: proxy.host,
    proxies: [proxy],
    registry: faulty,
    find,
    readTags: (path: string) => readTags(`${plainHost}/${path}`),
  };
}

async function faultyEcr(ecr: Ecr, path: string) {
  const control = await new FaultProxy({ target: ecr.endpoint.replace("http://", "") }).start();
  const data = await new FaultProxy({ target: hostOf(ecr) }).start();
  const limits = { timeoutMs: STALL_MS, deadlineMs: 30_000 };
  const faulty = new EcrRegistry({ ...PLACE, endpoint: `http://${control.host}` }, limits);
  await faulty.createRepository({ host: data.host, path }, { scanOnPush: false });
  return {
    host: data.host,
    proxies: [control, data],
    registry: faulty,
    find: (host: string) => (host === data.host ? faulty.fetchCredentials() : Promise.resolve(undefined)),
    readTags: async () => {
      const { body } = await ecr.ask(PLACE, "ListImages", { repositoryName: path, filter: { tagStatus: "TAGGED" } });
      const ids: readonly { imageDigest: string; imageTag: string }[] = body.imageIds ?? [];
      return ids.map(({ imageDigest, imageTag }) => ({ tag: imageTag, digest: imageDigest, wrong: undefined }));
    },
  };
}

export function describeMatrix({
  cells,
  succeeded,
  refused,
  unmet,
  slowestMs,
  slowest,
  slowestRefusalMs,
  wrong,
}: MatrixRun): string {
  const runs = Object.values(cells).reduce((sum, count) => sum + count, 0);
  return `${runs} runs in ${Object.keys(cells).length} cells: ${succeeded} succeeded, ${refused} refused as expected, ${wrong.length} wrong, ${unmet} whose fault met nothing; slowest ${slowestMs} ms (${slowest}), slowest error ${slowestRefusalMs} ms`;
}
