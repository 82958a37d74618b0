import * as v from "valibot";
import { describeError, SlipwayError } from "./error";
import { formatReference, parseReference } from "./reference";

/** The lock: what base references mean, reviewed in pull requests. */
export interface Lock {
  /** By canonical reference. */
  readonly bases: Readonly<Record<string, LockedBase>>;
}

/** A base as it was when it was locked. */
export interface LockedBase {
  /** The digest of what the reference named, mostly an index: a platform that is added later is of the same version. */
  readonly digest: string;
  readonly platforms: Readonly<Record<string, LockedPlatform>>;
}

export interface LockedPlatform {
  /** The manifest's digest. */
  readonly digest: string;
  /** Present where an imported Dockerfile starts FROM it. */
  readonly config?: LockedConfig | undefined;
}

/** What the hash of an imported Dockerfile needs of its base's config. */
export interface LockedConfig {
  /** `NAME=value`, in the config's order. */
  readonly env: readonly string[];
  readonly onbuild: readonly string[];
}

export const LOCK_FILE_NAME = "images.lock.json";
export const EMPTY_LOCK: Lock = { bases: {} };

const VERSION = 1;
const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/, "not a sha256 digest"));
const config = v.strictObject({ env: v.array(v.string()), onbuild: v.array(v.string()) });
const platform = v.strictObject({ digest, config: v.optional(config) });
const reference = v.pipe(v.string(), v.check(isCanonical, "not a reference in full: docker.io/library/python:3.11"));
const lockSchema = v.strictObject({
  version: v.literal(VERSION),
  bases: v.record(reference, v.strictObject({ digest, platforms: v.record(v.string(), platform) })),
});
const versionSchema = v.object({ version: v.number() });

/**
 * Reads a lock.
 *
 * @param name the file, for messages.
 * @throws SlipwayError LOCK_INVALID
 */
export function parseLock(text: string, name: string): Lock {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const conflict = lines.findIndex((line) => /^(<{7}|\|{7}|={7}|>{7})( |$)/.test(line));
  if (conflict >= 0) {
    const marker = JSON.stringify(lines[conflict]);
    const hint = "Keep one side and run slipway lock FILE…: it adds what is missing then.";
    throw invalid(`${name}: line ${conflict + 1} is a marker of a merge conflict, ${marker}.`, hint);
  }
  const content = parseJson(lines.join("\n"), name);
  const versioned = v.safeParse(versionSchema, content);
  if (versioned.success && versioned.output.version > VERSION) {
    const found = `its version is ${versioned.output.version}, and this Slipway reads version ${VERSION}.`;
    throw invalid(`${name}: ${found}`, "A newer Slipway wrote it: update the package slipway here.");
  }
  const parsed = v.safeParse(lockSchema, content);
  if (parsed.success) return { bases: parsed.output.bases };
  const [issue] = parsed.issues;
  throw invalid(`${name}: it is damaged: ${v.getDotPath(issue) ?? "it"}: ${issue.message}.`);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`${name}: it is damaged: ${describeError(cause)}.`, undefined, cause);
  }
}

function isCanonical(text: string): boolean {
  try {
    return formatReference(parseReference(text)) === text;
  } catch {
    return false;
  }
}

/** @param hint default: what mends a damaged file. */
function invalid(text: string, hint = "Take it from version control again (git checkout).", cause?: unknown) {
  return new SlipwayError({ code: "LOCK_INVALID", text, hint, cause });
}

/** A lock as its file holds it: sorted, a value a line, so that two branches that add bases merge. */
export function formatLock(lock: Lock): string {
  const bases = mapSorted(lock.bases, (base) => ({
    digest: base.digest,
    platforms: mapSorted(base.platforms, ({ digest: own, config: needed }) =>
      needed === undefined ? { digest: own } : { digest: own, config: { env: needed.env, onbuild: needed.onbuild } },
    ),
  }));
  return `${JSON.stringify({ version: VERSION, bases }, null, 2)}\n`;
}

function mapSorted<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Readonly<Record<string, U>> {
  const sorted = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, value]) => [key, change(value)]));
}

/**
 * Adds what a lock does not have. What it has stays: of a base that is locked as another version nothing is added,
 * for its platforms would be two versions.
 */
export function addToLock(lock: Lock, more: Lock): Lock {
  const added = Object.entries(more.bases).map(([name, base]): [string, LockedBase] => {
    const known = lock.bases[name];
    if (known === undefined) return [name, base];
    return [name, known.digest === base.digest ? addPlatforms(known, base) : known];
  });
  return { bases: { ...lock.bases, ...Object.fromEntries(added) } };
}

function addPlatforms(known: LockedBase, more: LockedBase): LockedBase {
  const platforms = Object.entries(more.platforms).map(([name, entry]): [string, LockedPlatform] => {
    const own = known.platforms[name];
    return [name, own === undefined ? entry : { digest: own.digest, config: own.config ?? entry.config }];
  });
  return { digest: known.digest, platforms: { ...known.platforms, ...Object.fromEntries(platforms) } };
}

/** Takes the bases of another lock in the place of a lock's own. */
export function replaceInLock(lock: Lock, newer: Lock): Lock {
  return { bases: { ...lock.bases, ...newer.bases } };
}

/** A base on a platform: new without `from`; where `from` is `to`, its config is new. */
export interface LockChange {
  readonly reference: string;
  /** `any` where the lock has only what the reference names. */
  readonly platform: string;
  readonly from?: string;
  readonly to: string;
}

/** What an update of a lock changed, sorted. */
export function listLockChanges(before: Lock, after: Lock): readonly LockChange[] {
  return Object.keys(after.bases)
    .sort()
    .flatMap((name) => {
      const old = platformsOf(before.bases[name]);
      const now = Object.entries(platformsOf(after.bases[name])).sort(([a], [b]) => (a < b ? -1 : 1));
      return now.flatMap(([own, { digest: to, config: needed }]): readonly LockChange[] => {
        const from = old[own]?.digest;
        if (from === to && (needed === undefined || old[own]?.config !== undefined)) return [];
        return [{ reference: name, platform: own, ...(from === undefined ? {} : { from }), to }];
      });
    });
}

function platformsOf(base: LockedBase | undefined): LockedBase["platforms"] {
  if (base === undefined) return {};
  return Object.keys(base.platforms).length > 0 ? base.platforms : { any: { digest: base.digest } };
}
