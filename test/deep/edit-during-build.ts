import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import type { Builder } from "../../provider/builder";
import { publishImage } from "../../provider/publish";
import { describeError, SlipwayError } from "../../sdk/error";
import { hashImage } from "../../sdk/hash";
import { Image } from "../../sdk/image";
import { parseRepository } from "../../sdk/reference";
import { resolveSpec, resolveSteps, TreeHashes } from "../../sdk/resolve";
import type { ResolvedSpec } from "../../sdk/spec";
import { startRegistry } from "../../tools/environment.mjs";
import { registry } from "../integration/real-parts";
import { fileEdits, PROJECT_BYTES, writeProject, type FileEdit } from "./file-edits";
import { askChecker } from "./hash-checker";
import { ImageReader } from "./image-files";
import { PausingBuildx } from "./pausing-buildx";
import { Random } from "./random";
import { pushTinyBase } from "./tiny-base";
import { noSecrets } from "../fakes/secret-places";

/** When the edit is made: while the files are hashed, after that, after they are listed again, while they are sent. */
const moments = ["hashing", "hashed", "listed", "sending", "sending"] as const;
type Moment = (typeof moments)[number];

/** A builder that finds the buildx of `env`. */
export type MakeBuilder = (env: NodeJS.ProcessEnv, folder: string) => Builder;

export interface EditRun {
  readonly builds: number;
  /** The error named what was edited, and the repository has no tag. */
  readonly refused: Readonly<Record<Moment, number>>;
  /** The image in the registry has the hash that is its tag. */
  readonly right: Readonly<Record<Moment, number>>;
  /** An image whose content is not what its tag says. */
  readonly wrong: readonly string[];
  /** Errors of another kind, or that name something else, or after which there is a tag. */
  readonly unclear: readonly string[];
}

/**
 * Builds random projects, each edited once between the first byte hashed and the last byte sent.
 *
 * @param makeBuilder the builder, or one that is wrong on purpose; it finds the buildx that stops
 */
export async function editDuringBuilds(
  makeBuilder: MakeBuilder,
  { seed, count, only }: { readonly seed: number; readonly count: number; readonly only?: readonly Moment[] },
): Promise<EditRun> {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "slipway-edits-")));
  const own = await startRegistry({ root: join(place, "registry") });
  const reader = new ImageReader();
  try {
    const buildx = new PausingBuildx(place, process.env);
    const base = { name: `${own.address}/base`, digest: await pushTinyBase(own.address, "base") };
    const run = new Run(reader);
    const random = new Random(seed);
    const kinds = Object.entries(fileEdits);
    const when = only ?? moments;
    for (let index = 0; index < count; index += 1) {
      const [kind, makeEdit] = kinds[index % kinds.length] ?? random.pick(kinds);
      // Each kind meets each moment in turn.
      const moment = when[(index + Math.floor(index / kinds.length)) % when.length] ?? "hashed";
      const folder = join(place, `project-${index}`);
      mkdirSync(folder);
      writeProject(folder, random);
      await sleep(15); // Linux gives files that change within one tick of its clock one time.
      const edit = makeEdit(folder, random);
      const builder = makeBuilder(buildx.env, join(place, "leftovers"));
      const repository = `${own.address}/edits/${index}`;
      await run.build({ kind, moment, edit, folder, base, builder, repository, buildx, random });
      rmSync(folder, { recursive: true, force: true });
    }
    return await run.result(count);
  } finally {
    reader.end();
    await own.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

interface EditedBuild {
  readonly kind: string;
  readonly moment: Moment;
  readonly edit: FileEdit;
  readonly folder: string;
  readonly base: { readonly name: string; readonly digest: string };
  readonly builder: Builder;
  readonly repository: string;
  readonly buildx: PausingBuildx;
  readonly random: Random;
}

class Run {
  readonly #reader: ImageReader;
  readonly #refused = { hashing: 0, hashed: 0, listed: 0, sending: 0 };
  readonly #unclear: string[] = [];
  readonly #built: { name: string; moment: Moment; tag: string; found: ResolvedSpec }[] = [];

  constructor(reader: ImageReader) {
    this.#reader = reader;
  }

  async build(edited: EditedBuild): Promise<void> {
    const { kind, moment, edit, repository } = edited;
    const name = `${kind}, ${moment}`;
    const image = Image.base(`${edited.base.name}:1`).addLocalDir(edited.folder, "/srv/app", { strategy: "copy" });
    let spec: ResolvedSpec | undefined;
    try {
      spec = await resolve(image, edited);
      await publishEdited(image, spec, edited);
    } catch (error) {
      const tags = await fetchTags(repository);
      const isClear =
        error instanceof SlipwayError &&
        (error.code === "CONTEXT_CHANGED" || error.code === "LOCAL_PATH") &&
        edit.names.some((path) => isNamed(path, error.text));
      if (isClear && tags.length === 0) this.#refused[moment] += 1;
      else this.#unclear.push(`${name} of ${edit.names.join()}: ${describeError(error)} [${tags.join()}]`);
      return;
    }
    const tag = hashImage([spec]);
    const { tree, odd } = await this.#reader.read(repository, tag, "srv/app");
    if (odd.length > 0) this.#unclear.push(`${name}: ${odd.join()} did not arrive as root's of 1970`);
    const found = { ...spec, steps: spec.steps.map((step) => (step.kind === "copyDir" ? { ...step, tree } : step)) };
    this.#built.push({ name, moment, tag, found });
  }

  /** The checker, written from docs/hash.md alone, computes the hash of what is in each image. */
  async result(builds: number): Promise<EditRun> {
    const hashes =
      this.#built.length === 0 ? [] : await askChecker(this.#built.map(({ found }) => JSON.stringify(found)));
    const right = { hashing: 0, hashed: 0, listed: 0, sending: 0 };
    const wrong: string[] = [];
    for (const [index, { name, moment, tag }] of this.#built.entries()) {
      if (hashes[index] === tag) right[moment] += 1;
      else wrong.push(name);
    }
    return { builds, refused: this.#refused, right, wrong, unclear: this.#unclear };
  }
}

function isNamed(path: string, text: string): boolean {
  return (
    text.includes(path === "." ? ": the list of its files changed" : `: ${path} changed `) ||
    text.includes(`: ${path}: `)
  );
}

/** Between two chunks hashTree asks the clock: there the edit is made, if it is to be made while the files are hashed. */
async function resolve(image: Image, { moment, edit, folder, base, random }: EditedBuild): Promise<ResolvedSpec> {
  const { now } = performance;
  let chunksLeft = 1 + random.below(7);
  if (moment === "hashing") {
    performance.now = () => {
      chunksLeft -= 1;
      if (chunksLeft === 0) edit.apply();
      return now.call(performance);
    };
  }
  try {
    const steps = await resolveSteps(image.spec, image.callSites, new TreeHashes(folder));
    return resolveSpec(image.spec, steps, { platform: "linux/amd64", digest: base.digest });
  } finally {
    performance.now = now;
    if (moment === "hashed" || (moment === "hashing" && chunksLeft > 0)) edit.apply();
  }
}

async function publishEdited(image: Image, spec: ResolvedSpec, edited: EditedBuild): Promise<void> {
  const { moment, edit, buildx, builder, random } = edited;
  buildx.arm(
    moment === "listed"
      ? "before reading"
      : moment === "sending"
        ? { afterBytes: random.below(PROJECT_BYTES) }
        : undefined,
  );
  const published = publishImage(registry, () => builder, {
    specs: [spec],
    callSites: image.callSites,
    folder: process.cwd(),
    mirrors: [],
    secretPlaces: noSecrets,
    repository: parseRepository(edited.repository),
    onProgress: () => undefined,
    signal: AbortSignal.timeout(60_000),
  });
  if (moment === "listed" || moment === "sending") await buildx.whilePaused(published, () => edit.apply());
  await published;
}

async function fetchTags(repository: string): Promise<readonly string[]> {
  const { host, path } = parseRepository(repository);
  const response = await fetch(`http://${host}/v2/${path}/tags/list`);
  const answer: { tags?: readonly string[] | null } = JSON.parse(await response.text());
  return answer.tags ?? [];
}

/** What a run found, in one line. */
export function describeRun({ builds, refused, right, wrong, unclear }: EditRun): string {
  const list = (counts: Readonly<Record<Moment, number>>) =>
    Object.entries(counts)
      .map(([moment, count]) => `${moment} ${count}`)
      .join(", ");
  return (
    `${builds} builds, an edit in each: ${total(refused)} refused by name (${list(refused)}), ` +
    `${total(right)} images of their hash (${list(right)}), ${wrong.length} of another, ${unclear.length} errors unclear`
  );
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
