import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import type { Builder } from "../../provider/builder";
import { ImageProgram } from "../../provider/program";
import { publishImage } from "../../provider/publish";
import { describeError, SlipwayError } from "../../sdk/error";
import { hashImage } from "../../sdk/hash";
import { Image } from "../../sdk/image";
import { parseRepository } from "../../sdk/reference";
import { isDockerfileBase, type ResolvedSpec } from "../../sdk/spec";
import { startRegistry } from "../../tools/environment.mjs";
import { noSecrets } from "../fakes/secret-places";
import { registry } from "../integration/real-parts";
import { beforeFirstOpen, beforeHashingRead, beforeSendingRead, betweenBatches } from "./edit-points";
import {
  BATCHES,
  fileEdits,
  HASHING_READS,
  PROJECT_BYTES,
  SENDING_READS,
  writeManyFiles,
  writeProject,
  type FileEdit,
} from "./file-edits";
import { askChecker } from "./hash-checker";
import { ImageReader } from "./image-files";
import { PausingBuildx } from "./pausing-buildx";
import { Random } from "./random";
import { pushTinyBase } from "./tiny-base";

/**
 * When the edit is made: while the files are hashed, after that, after they are listed again, before one of the reads of
 * those that are sent or staged, while buildx waits for more of what is sent.
 */
const moments = ["hashing", "hashed", "listed", "reading", "sending"] as const;
type Moment = (typeof moments)[number];

/** How the project gets into the image: an import is staged, what stands on one as well, all else is sent as a tar. */
const forms = ["folder", "folder", "folder", "folder", "import", "folder on an import"] as const;
type Form = (typeof forms)[number];

/** A builder that finds the buildx of `env`. */
export type MakeBuilder = (env: NodeJS.ProcessEnv, folder: string) => Builder;

export interface EditRun {
  readonly builds: number;
  /** The error named what was edited, and the repository has no tag. */
  readonly refused: Readonly<Record<Moment, number>>;
  /** The image in the registry has the hash that is its tag. */
  readonly right: Readonly<Record<Moment, number>>;
  /** Those of them whose files threads hashed while the edit was made. */
  readonly inThreads: number;
  /** Those of them that import a Dockerfile. */
  readonly imports: number;
  /** Builds that never came to the moment of their edit. */
  readonly missed: readonly string[];
  /** An image whose content is not what its tag says. */
  readonly wrong: readonly string[];
  /** Errors of another kind, or that name something else, or after which there is a tag. */
  readonly unclear: readonly string[];
}

export interface EditOptions {
  readonly seed: number;
  readonly count: number;
  /** Default: every one. */
  readonly only?: readonly Moment[];
  readonly forms?: readonly Form[];
}

/**
 * Builds random projects, each edited once between the first byte hashed and the last byte sent.
 *
 * @param makeBuilder the builder, or one that is wrong on purpose; it finds the buildx that stops
 */
export async function editDuringBuilds(makeBuilder: MakeBuilder, options: EditOptions): Promise<EditRun> {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "slipway-edits-")));
  const own = await startRegistry({ root: join(place, "registry") });
  const reader = new ImageReader();
  try {
    const buildx = new PausingBuildx(place, process.env);
    await pushTinyBase(own.address, "base");
    const run = new Run(reader);
    const random = new Random(options.seed);
    const kinds = Object.entries(fileEdits);
    const when = options.only ?? moments;
    const how = options.forms ?? forms;
    for (let index = 0; index < options.count; index += 1) {
      const [kind, makeEdit] = kinds[index % kinds.length] ?? random.pick(kinds);
      // Each kind meets each moment in turn.
      const moment = when[(index + Math.floor(index / kinds.length)) % when.length] ?? "hashed";
      const form = random.pick(how);
      const folder = join(place, `project-${index}`);
      mkdirSync(folder);
      writeProject(folder, random);
      const isInThreads = moment === "hashing" && Math.floor(index / when.length) % 3 === 1;
      if (isInThreads) writeManyFiles(folder);
      await sleep(15); // Linux gives files that change within one tick of its clock one time.
      const edit = makeEdit(folder, random);
      const builder = makeBuilder(buildx.env, join(place, "leftovers"));
      const repository = `${own.address}/edits/${index}`;
      const image = makeImage(form, `${own.address}/base:1`, folder);
      await run.build({ kind, moment, form, isInThreads, edit, folder, image, builder, repository, buildx, random });
      rmSync(folder, { recursive: true, force: true });
    }
    return await run.result(options.count);
  } finally {
    reader.end();
    await own.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

function makeImage(form: Form, base: string, folder: string): Image {
  const dockerfile = `${folder}.Dockerfile`;
  const none = `${folder}.none`;
  switch (form) {
    case "folder":
      return Image.base(base).addLocalDir(folder, "/srv/app", { strategy: "copy" });
    case "import":
      writeFileSync(dockerfile, `FROM ${base}\nCOPY . /srv/app/\n`);
      return Image.fromDockerfile(dockerfile, { context: folder });
    case "folder on an import":
      mkdirSync(none);
      writeFileSync(join(none, "other"), "other");
      writeFileSync(dockerfile, `FROM ${base}\nCOPY . /other/\n`);
      return Image.fromDockerfile(dockerfile, { context: none }).addLocalDir(folder, "/srv/app", { strategy: "copy" });
  }
}

interface EditedBuild {
  readonly kind: string;
  readonly moment: Moment;
  readonly form: Form;
  readonly isInThreads: boolean;
  readonly edit: FileEdit;
  readonly folder: string;
  readonly image: Image;
  readonly builder: Builder;
  readonly repository: string;
  readonly buildx: PausingBuildx;
  readonly random: Random;
}

/** A build that was not refused. */
interface Built {
  readonly name: string;
  readonly moment: Moment;
  readonly tag: string;
  /** The spec, with the tree that is in the image in the place of the one that was hashed. */
  readonly found: ResolvedSpec;
}

class Run {
  readonly #reader: ImageReader;
  readonly #refused = noneOf();
  readonly #unclear: string[] = [];
  readonly #missed: string[] = [];
  readonly #built: Built[] = [];
  #imports = 0;
  #inThreads = 0;

  constructor(reader: ImageReader) {
    this.#reader = reader;
  }

  async build(edited: EditedBuild): Promise<void> {
    const { kind, moment, form, edit, repository } = edited;
    const name = `${kind}, ${moment}${edited.isInThreads ? " in threads" : ""}, ${form}`;
    if (form !== "folder") this.#imports += 1;
    if (edited.isInThreads) this.#inThreads += 1;
    const progress = { isEdited: false };
    let spec: ResolvedSpec;
    try {
      spec = await resolve(edited, progress);
      await publishEdited(spec, edited, progress);
    } catch (error) {
      const tags = await fetchTags(repository);
      const isClear =
        error instanceof SlipwayError &&
        (error.code === "CONTEXT_CHANGED" || error.code === "LOCAL_PATH") &&
        edit.names.some((path) => isNamed(path, error.text));
      if (!isClear || tags.length > 0) {
        this.#unclear.push(`${name} of ${edit.names.join()}: ${describeError(error)} [${tags.join()}]`);
      } else if (progress.isEdited) this.#refused[moment] += 1;
      else this.#missed.push(name);
      return;
    }
    if (!progress.isEdited) {
      this.#missed.push(name);
      return;
    }
    const tag = hashImage([spec]);
    const { tree, odd } = await this.#reader.read(repository, tag, "srv/app");
    if (odd.length > 0) this.#unclear.push(`${name}: ${odd.join()} did not arrive as root's of 1970`);
    this.#built.push({ name, moment, tag, found: withTree(spec, form, tree) });
  }

  async result(builds: number): Promise<EditRun> {
    const right = noneOf();
    const wrong: string[] = [];
    const hashes = await hashAll(this.#built.map(({ found }) => found));
    for (const [index, { name, moment, tag }] of this.#built.entries()) {
      if (hashes[index] === tag) right[moment] += 1;
      else wrong.push(name);
    }
    const [refused, missed, unclear] = [this.#refused, this.#missed, this.#unclear];
    return { builds, refused, right, inThreads: this.#inThreads, imports: this.#imports, missed, wrong, unclear };
  }
}

function noneOf(): Record<Moment, number> {
  return { hashing: 0, hashed: 0, listed: 0, reading: 0, sending: 0 };
}

function withTree(spec: ResolvedSpec, form: Form, tree: string): ResolvedSpec {
  if (form === "import" && isDockerfileBase(spec.base)) return { ...spec, base: { ...spec.base, tree } };
  return { ...spec, steps: spec.steps.map((step) => (step.kind === "copyDir" ? { ...step, tree } : step)) };
}

/**
 * The checker, written from docs/hash.md alone, computes the hash of what is in each image. It reads no Dockerfiles: of
 * imports it has computed the tree alone.
 */
async function hashAll(specs: readonly ResolvedSpec[]): Promise<readonly string[]> {
  const asked = specs.filter(({ base }) => !isDockerfileBase(base));
  const answers = asked.length === 0 ? [] : await askChecker(asked.map((spec) => JSON.stringify(spec)));
  return specs.map((spec) => (isDockerfileBase(spec.base) ? hashImage([spec]) : (answers[asked.indexOf(spec)] ?? "")));
}

function isNamed(path: string, text: string): boolean {
  return (
    text.includes(path === "." ? ": the list of its files changed" : `: ${path} changed `) ||
    text.includes(`: ${path}: `)
  );
}

interface Progress {
  isEdited: boolean;
}

async function resolve(edited: EditedBuild, progress: Progress): Promise<ResolvedSpec> {
  const { moment, edit, folder, image, isInThreads, random } = edited;
  const point =
    moment !== "hashing"
      ? undefined
      : isInThreads
        ? betweenBatches(1 + random.below(BATCHES), edit.apply)
        : beforeHashingRead(folder, 1 + random.below(HASHING_READS), edit.apply);
  try {
    const program = new ImageProgram({ folder: process.cwd(), registry, mirrors: [] });
    const { specs } = await program.resolve(image, ["linux/amd64"]);
    const [spec] = specs;
    if (spec === undefined) throw new Error("there is no platform");
    return spec;
  } finally {
    progress.isEdited = point?.isReached() === true;
    point?.end();
  }
}

async function publishEdited(spec: ResolvedSpec, edited: EditedBuild, progress: Progress): Promise<void> {
  const { moment, form, edit, folder, image, buildx, builder, random } = edited;
  if (moment === "hashed") {
    edit.apply();
    progress.isEdited = true;
  }
  // What is staged is read before buildx gets any of it.
  const isPaused = form === "folder" && (moment === "listed" || moment === "sending");
  buildx.arm(
    isPaused ? (moment === "listed" ? "before reading" : { afterBytes: random.below(PROJECT_BYTES) }) : undefined,
  );
  const point =
    isPaused || moment === "hashing" || moment === "hashed"
      ? undefined
      : moment === "listed"
        ? beforeFirstOpen(folder, edit.apply)
        : beforeSendingRead(folder, 1 + random.below(SENDING_READS), edit.apply);
  const published = publishImage(registry, () => builder, {
    specs: [spec],
    callSites: image.callSites,
    baseCallSite: image.baseCallSite,
    folder: process.cwd(),
    mirrors: [],
    secretPlaces: noSecrets,
    repository: parseRepository(edited.repository),
    onProgress: () => undefined,
    signal: AbortSignal.timeout(60_000),
  });
  try {
    if (isPaused) progress.isEdited = await buildx.whilePaused(published, edit.apply);
    await published;
  } finally {
    if (point?.isReached() === true) progress.isEdited = true;
    point?.end();
  }
}

async function fetchTags(repository: string): Promise<readonly string[]> {
  const { host, path } = parseRepository(repository);
  const response = await fetch(`http://${host}/v2/${path}/tags/list`);
  const answer: { tags?: readonly string[] | null } = JSON.parse(await response.text());
  return answer.tags ?? [];
}

/** What a run found, in one line. */
export function describeRun(run: EditRun): string {
  const { builds, refused, right, wrong, unclear, missed, imports, inThreads } = run;
  const list = (counts: Readonly<Record<Moment, number>>) =>
    Object.entries(counts)
      .map(([moment, count]) => `${moment} ${count}`)
      .join(", ");
  return (
    `${builds} builds (${imports} of imports, ${inThreads} hashed in threads), an edit in each: ` +
    `${total(refused)} refused by name (${list(refused)}), ${total(right)} images of their hash (${list(right)}), ` +
    `${wrong.length} of another, ${unclear.length} errors unclear, ${missed.length} edits that came too late`
  );
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
