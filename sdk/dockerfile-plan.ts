import { parseMount, parseTrigger, type Instruction } from "./dockerfile-parser";
import { DockerfileProblem, flagValue, readStages, type Stage, type StagedFile } from "./dockerfile-stages";
import { automaticVariables, expand, givenArg, OF_BUILDER, readArgs, type Variables } from "./dockerfile-variables";
import { platforms, type Platform } from "./platform";
import { formatReference, parseReference } from "./reference";
import { describeError, SlipwayError } from "./error";

/** What an import is asked for. */
export interface ImportRequest {
  readonly text: string;
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly secrets?: readonly { readonly id: string }[] | undefined;
}

/** What of an image's config a Dockerfile depends on. */
export interface ImageConfig {
  readonly env: readonly string[];
  readonly onbuild: readonly string[];
}

/** Another image that a stage starts from, copies from or mounts. */
export interface ImageUse extends NamePlace {
  readonly image: UsedImage;
}

/** Where a name stands: an instruction of the file, and its flag, or none where it is FROM's own. */
export interface NamePlace {
  readonly instruction: Instruction;
  readonly flag: number | undefined;
}

/** A `--from` that counts stages. */
export interface NumberUse extends NamePlace {
  readonly stageIndex: number;
}

export interface UsedImage {
  /** The reference in full; with the platform behind a space where that is not the image's own. */
  readonly key: string;
  readonly reference: string;
  /** `builder`: whatever runs there, so its index is what is pinned. */
  readonly platform: Platform | "builder";
}

/** The reference in a key. */
export function referenceOf(key: string): string {
  return key.replace(/ .*$/, "");
}

/** A stage that the target needs. */
export interface NeededStage {
  readonly stage: Stage;
  readonly base: StageBase;
  /** Where its instructions run: a stage on another one is of that one's platform (dockerfile2llb/convert.go). */
  readonly platform: Platform | "builder";
  /** What is run: triggers of what it starts from, then its own. */
  readonly instructions: readonly Instruction[];
}

export type StageBase =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly image: UsedImage };

/** What counts of a Dockerfile. */
export interface ImportPlan {
  readonly file: StagedFile;
  readonly target: Stage;
  readonly targetName: string;
  /** In the order of the file. */
  readonly needed: readonly NeededStage[];
  readonly uses: readonly ImageUse[];
  readonly numbers: readonly NumberUse[];
  /** Every image of `uses` once. */
  readonly images: readonly UsedImage[];
  readonly globals: Variables;
}

/** Answers for each image's key; nothing for one that was not read yet. */
export type ConfigOf = (key: string) => ImageConfig | undefined;

/**
 * Finds the stages that a target needs and the images that those use, by BuildKit's rules (dockerfile2llb/convert.go).
 * A base's triggers may need more: plan again when its config is known, until no image is new.
 *
 * @throws DockerfileProblem
 */
export function planImport(request: ImportRequest, platform: Platform, configOf: ConfigOf): ImportPlan {
  const file = readStages(request.text);
  const target = findTarget(file, request.target);
  const targetName = request.target ?? target.name ?? "default";
  const globals = expandGlobals(file, request, automaticVariables(platform, targetName));
  const planner: Planner = { file, globals, platform, configOf, needed: new Map(), uses: [], numbers: [] };
  needStage(planner, target);
  const uses = planner.uses;
  return {
    file,
    target,
    targetName,
    needed: [...planner.needed.values()].sort((a, b) => a.stage.index - b.stage.index),
    uses,
    numbers: planner.numbers,
    images: [...new Map(uses.map(({ image }) => [image.key, image])).values()],
    globals,
  };
}

function findTarget(file: StagedFile, target: string | undefined): Stage {
  const named = file.stages.findLast(({ name }) => target !== undefined && name === target.toLowerCase());
  const found = target === undefined ? file.stages.at(-1) : named;
  if (found !== undefined) return found;
  const names = file.stages.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const hint = names.length === 0 ? "None of its stages has a name." : `Known are ${[...new Set(names)].join(", ")}.`;
  throw new DockerfileProblem(1, `it has no stage ${JSON.stringify(target)}.`, hint);
}

function expandGlobals(file: StagedFile, request: ImportRequest, automatic: Variables): Variables {
  const { escape } = file.dockerfile;
  return file.globals.reduce(
    (variables, instruction) =>
      readArgs(instruction, escape).reduce((known, [name, value]) => {
        const given = givenArg(request.buildArgs, name);
        if (given !== undefined) return known.with([[name, given]]);
        return value === undefined ? known : known.with([[name, expand(value, known, escape, instruction.line)]]);
      }, variables),
    automatic,
  );
}

interface Planner {
  readonly file: StagedFile;
  readonly globals: Variables;
  readonly platform: Platform;
  readonly configOf: ConfigOf;
  readonly needed: Map<number, NeededStage>;
  readonly uses: ImageUse[];
  readonly numbers: NumberUse[];
}

function needStage(planner: Planner, stage: Stage): void {
  if (planner.needed.has(stage.index)) return;
  const base = findBase(planner, stage);
  const triggers = findTriggers(planner, stage, base);
  const instructions = [...triggers, ...stage.instructions];
  planner.needed.set(stage.index, { stage, base, platform: platformOf(planner, stage, base), instructions });
  if (base.kind === "stage") needStage(planner, stageAt(planner.file, base.index));
  if (base.kind === "image") planner.uses.push({ image: base.image, instruction: stage.from, flag: undefined });
  for (const instruction of instructions) needSources(planner, stage, instruction);
}

function platformOf(planner: Planner, stage: Stage, base: StageBase): Platform | "builder" {
  if (base.kind === "image") return base.image.platform;
  if (base.kind === "scratch") return stagePlatform(planner, stage);
  const below = stageAt(planner.file, base.index);
  return platformOf(planner, below, findBase(planner, below));
}

function stageAt(file: StagedFile, index: number): Stage {
  const stage = file.stages[index];
  if (stage === undefined) throw new Error(`there is no stage ${index}`);
  return stage;
}

function findBase(planner: Planner, stage: Stage): StageBase {
  const { line } = stage.from;
  const name = expandInFrom(planner, stage.base, line);
  if (name === "") {
    throw new DockerfileProblem(line, `FROM ${stage.base} names nothing.`, "Give the ARG a default, or buildArgs.");
  }
  if (name.includes(OF_BUILDER)) {
    throw new DockerfileProblem(
      line,
      `FROM ${stage.base} depends on the builder's platform.`,
      "Each builder would make another image; use TARGETARCH or TARGETPLATFORM.",
    );
  }
  // Names are kept in lower case, and FROM looks for what is written.
  const above = planner.file.stages.slice(0, stage.index).findLast((other) => other.name === name);
  if (above !== undefined) return { kind: "stage", index: above.index };
  const platform = stagePlatform(planner, stage);
  return name === "scratch" ? { kind: "scratch" } : { kind: "image", image: imageOf(planner, name, platform, line) };
}

function expandInFrom(planner: Planner, text: string, line: number): string {
  return expand(text, planner.globals, planner.file.dockerfile.escape, line);
}

function stagePlatform(planner: Planner, stage: Stage): Platform | "builder" {
  if (stage.platform === undefined) return planner.platform;
  const { line } = stage.from;
  const text = expandInFrom(planner, stage.platform, line);
  if (text.includes(OF_BUILDER)) return "builder";
  const platform = parsePlatform(text);
  if (platform !== undefined) return platform;
  throw new DockerfileProblem(line, `FROM --platform=${text} is not built here.`, `Known are ${platforms.join(", ")}.`);
}

/** As containerd/platforms reads a platform: an architecture alone is Linux's, other names of one are known. */
function parsePlatform(text: string): Platform | undefined {
  const [first = "", ...more] = text.toLowerCase().split("/");
  const [architecture = "", variant = ""] = first === "linux" ? more : [first, ...more];
  const others: Readonly<Record<string, string>> = {
    x86_64: "amd64",
    "x86-64": "amd64",
    aarch64: "arm64",
    armhf: "arm/v7",
    armel: "arm/v6",
    arm: "arm/v7",
    i386: "386",
  };
  const name = variant === "" ? (others[architecture] ?? architecture) : architecture;
  const isDefault = variant === "" || (name === "arm64" && variant === "v8") || (name === "amd64" && variant === "v1");
  return platforms.find((known) => known === `linux/${name}${isDefault ? "" : `/${variant}`}`);
}

function imageOf(planner: Planner, name: string, platform: Platform | "builder", line: number): UsedImage {
  try {
    const reference = formatReference(parseReference(name));
    const key = platform === planner.platform ? reference : `${reference} ${platform}`;
    return { key, reference, platform };
  } catch (error) {
    const isStage = planner.file.stages.some((stage) => stage.name === name.toLowerCase());
    const hint = isStage ? "FROM takes the name of a stage in lower case only." : "Name a stage above, or an image.";
    throw new DockerfileProblem(line, error instanceof SlipwayError ? error.text : describeError(error), hint);
  }
}

/** What runs first in a stage: ONBUILD of what it starts from. */
function findTriggers(planner: Planner, stage: Stage, base: StageBase): readonly Instruction[] {
  switch (base.kind) {
    case "scratch":
      return [];
    case "stage":
      return stageAt(planner.file, base.index).instructions.flatMap(({ trigger }) => trigger ?? []);
    case "image":
      return (planner.configOf(base.image.key)?.onbuild ?? []).map((text) => {
        const trigger = parseTrigger(text, stage.from.line);
        if (trigger !== undefined) return trigger;
        throw new DockerfileProblem(
          stage.from.line,
          `the ONBUILD trigger ${JSON.stringify(text)} of ${base.image.reference} is no instruction.`,
          "Start from another image.",
        );
      });
  }
}

function needSources(planner: Planner, stage: Stage, instruction: Instruction): void {
  if (instruction.keyword === "COPY") {
    const from = flagValue(instruction, "from");
    const flag = instruction.flags.findIndex(({ text }) => text.startsWith("--from="));
    if (from !== undefined && from !== "") needSource(planner, { stage, instruction, flag, from, takesNumber: true });
  }
  if (instruction.keyword !== "RUN") return;
  for (const [flag, { text }] of instruction.flags.entries()) {
    const from = text.startsWith("--mount=") ? parseMount(text.slice("--mount=".length)).get("from") : undefined;
    if (from !== undefined && from !== "") needSource(planner, { stage, instruction, flag, from, takesNumber: false });
  }
}

interface Source {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly flag: number;
  readonly from: string;
  /** COPY does, a mount does not. */
  readonly takesNumber: boolean;
}

function needSource(planner: Planner, source: Source): void {
  const { instruction, from, stage, flag } = source;
  const { line } = instruction;
  if (from.includes("$")) {
    const hint = "BuildKit does not either: name a stage that starts FROM it.";
    throw new DockerfileProblem(line, `from=${from}: variables are not expanded here.`, hint);
  }
  const found = findSource(planner.file, source);
  const isNumber = found !== undefined && found.name !== from.toLowerCase();
  // A number in a base's config is in no line that is hashed: with other stages it would mean another one.
  if ((isNumber || (found === undefined && from !== "scratch")) && !stageOwns(planner.file, instruction)) {
    throw new DockerfileProblem(
      line,
      `an ONBUILD trigger of its base takes files from ${from}, which cannot be pinned.`,
      "Start from an image without that trigger.",
    );
  }
  if (found !== undefined) {
    if (found.index < stage.index) {
      // A trigger runs in every stage that starts from its own.
      const isKnown = planner.numbers.some((known) => known.instruction === instruction && known.flag === flag);
      if (isNumber && !isKnown) planner.numbers.push({ instruction, flag, stageIndex: found.index });
      return needStage(planner, found);
    }
    const hint = "A name means the last stage of that name in the file.";
    throw new DockerfileProblem(line, `from=${from} is the stage of line ${found.from.line}, which comes later.`, hint);
  }
  if (from === "scratch") return;
  const image = imageOf(planner, from, planner.platform, line);
  if (planner.uses.some((use) => use.instruction === instruction && use.flag === flag)) return;
  planner.uses.push({ image, instruction, flag });
}

/** `--from` means the last stage of that name, wherever it stands; a number counts from the top. */
function findSource(
  file: StagedFile,
  { from, takesNumber, instruction }: Pick<Source, "from" | "takesNumber" | "instruction">,
): Stage | undefined {
  if (takesNumber && /^[+-]?\d+$/.test(from)) {
    const stage = file.stages[Number(from)];
    if (stage !== undefined) return stage;
    const hint = `It has ${file.stages.length}, and the first is 0.`;
    throw new DockerfileProblem(instruction.line, `--from=${from}: there is no stage of that number.`, hint);
  }
  return file.stages.findLast(({ name }) => name === from.toLowerCase());
}

/** Whether an instruction stands in the file, itself or behind ONBUILD. */
function stageOwns(file: StagedFile, instruction: Instruction): boolean {
  return file.stages.some(({ instructions }) =>
    instructions.some((own) => own === instruction || own.trigger === instruction),
  );
}
