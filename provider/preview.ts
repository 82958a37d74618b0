import { describeError } from "../sdk/error";
import type { ResourceLog } from "./resource-log";
import type { Existence } from "./existence";
import { describeCopy, explainNew } from "./explain";
import { explainMounts } from "./explain-mounts";
import { unfoldInputs } from "./folded-inputs";
import { notStored } from "./not-stored";
import { urnOf, type RunMemory } from "./run";
import { checkHash, findMisplaced, isUnknown, readFormat, readInputs, readOutputs, repositoryOf } from "./state";

/** What check needs of its surroundings. */
export interface PreviewContext {
  readonly memory: RunMemory;
  readonly logFor: (urn: string) => ResourceLog;
}

type Props = Readonly<Record<string, unknown>>;

/** Pulumi's check: unfolds the inputs, strips what is of this run, and sees that hash and spec belong together. */
export function checkImage(
  context: PreviewContext,
  olds: Props,
  news: Props,
): { inputs: Props; failures: { property: string; reason: string }[] } {
  const inputs = context.memory.takeFrom(unfoldInputs(news));
  const run = context.memory.of(inputs);
  const misplaced = run && findMisplaced(inputs["uri"], run.repository);
  if (misplaced !== undefined) return { inputs, failures: [{ property: "uri", reason: misplaced.message }] };
  // Hash and spec of the state were looked at when they came into it.
  const isAsBefore = ["hash", "uri", "spec"].every((name) => name in inputs && inputs[name] === olds[name]);
  if (isAsBefore && run?.existence.kind !== "missing") return { inputs, failures: [] };
  const image = readInputs(inputs);
  if (image === undefined) {
    const failures = isUnknown(inputs) ? [] : [{ property: "spec", reason: "this is not an image's spec" }];
    if (failures.length === 0 && isUnknown(inputs["uri"]) && !isUnknown(inputs["hash"])) {
      context.logFor(urnOf(inputs)).info("the repository is not known yet, so neither is whether the image exists");
    }
    return { inputs, failures };
  }
  try {
    checkHash(image);
  } catch (error) {
    return { inputs, failures: [{ property: "hash", reason: describeError(error) }] };
  }
  if (run?.build === "never" && run.existence.kind === "missing") {
    const others = [...(image.ecr?.copies ?? []), ...(image.ecr?.copyFrom ?? [])].map(({ repository }) => repository);
    return {
      inputs,
      failures: [{ property: "hash", reason: notStored([image.repository, ...others], image.hash).message }],
    };
  }
  // On a replacement check runs again without olds: diff has told of it by then.
  if (Object.keys(olds).length === 0 && !context.memory.wasDiffed(inputs)) {
    context.logFor(urnOf(inputs)).info(explainNew(undefined, image, run));
  }
  return { inputs, failures: [] };
}

/** Pulumi's diff: another hash or repository is another image; one that vanished or moved is to be put right. */
export function diffImage(
  context: PreviewContext,
  olds: Props,
  news: Props,
): { changes: boolean; replaces: string[]; deleteBeforeReplace: boolean } {
  context.memory.noteDiff(news);
  const answer = (changes: boolean, ...replaces: string[]) => ({ changes, replaces, deleteBeforeReplace: false });
  if (isUnknown(news)) return answer(true, ...["hash", "uri"].filter((name) => isUnknown(news[name])));
  const log = context.logFor(urnOf(news));
  const run = context.memory.of(news);
  const replaces = [
    ...(olds["hash"] === news["hash"] ? [] : ["hash"]),
    ...(repositoryOf(olds["uri"]) === repositoryOf(news["uri"]) ? [] : ["uri"]),
  ];
  let isRemounted = false;
  // Of hundreds of unchanged images there is nothing more to read.
  if (replaces.length > 0 || "mounts" in olds || "mounts" in news) {
    const [before, after] = [readInputs(olds), readInputs(news)];
    if (after === undefined) return answer(true, ...replaces);
    const mounts = explainMounts(before, after, run?.mounts);
    if (mounts !== undefined) log.info(mounts);
    if (replaces.length > 0) {
      log.info(explainNew(before, after, run, readFormat(olds)));
      return answer(true, ...replaces);
    }
    isRemounted = mounts !== undefined;
  }
  const isStale = run !== undefined && findStale(olds, run.existence, log);
  return answer(isStale || isRemounted);
}

/** Whether the repository has the image otherwise than the state says; a line says how. */
function findStale(olds: Props, existence: Existence, log: ResourceLog): boolean {
  switch (existence.kind) {
    case "missing":
      log.info("the repository does not have it any more; builds it again");
      return true;
    case "elsewhere":
      log.info(describeCopy(existence));
      return true;
    case "stored": {
      const outputs = readOutputs(olds);
      const known = outputs?.digest;
      const moved = movedRegion(outputs?.regions, existence.regions);
      if (known === existence.digest && moved === undefined) return false;
      if (known === existence.digest) log.info(`in ${moved} the tag names another digest now; takes that`);
      else log.info(`the tag names ${existence.digest} now, not ${known ?? "nothing"}; takes that`);
      return true;
    }
    case "unknown":
      log.warn(`whether it still exists is unknown: ${existence.cause}`);
      return false;
  }
}

/** A region that has another digest than it had, or that is new or gone. */
function movedRegion(
  before: Readonly<Record<string, string>> = {},
  after: Readonly<Record<string, string>> = {},
): string | undefined {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].find(
    (region) => before[region] !== after[region],
  );
}
