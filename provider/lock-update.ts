import { SlipwayError } from "../sdk/error";
import { addToLock, EMPTY_LOCK, replaceInLock, type Lock } from "../sdk/lock";
import { parsePlatforms, type Platform } from "../sdk/platform";
import { findLockFile, updateLockFile, type LockUpdate } from "./lock-file";
import type { LockedBases } from "./locked-bases";
import type { Mirror } from "./mirrors";
import { ImageProgram, type PlainImage } from "./program";
import type { Registry } from "./registry";

/** Images of one program, and what their lock is to have. */
export interface LockRequest {
  /** The program's folder, absolute. */
  readonly folder: string;
  readonly images: readonly PlainImage[];
  readonly platforms: readonly Platform[];
  readonly registry: Registry;
  readonly mirrors: readonly Mirror[];
}

/** Which bases are taken as they are now though they are locked; `used` are those of the images. */
export type Upgrade = "none" | "used" | "all" | readonly string[];

/** A lock, and what it was and is. */
export interface LockResult extends LockUpdate {
  /** Absolute. */
  readonly path: string;
}

/**
 * Adds to a program's lock what it lacks for the images, and takes the bases that are to be upgraded as they are right
 * now, for all platforms that the lock has of them.
 *
 * @throws SlipwayError LOCK_INVALID, BASE_UNAVAILABLE, USAGE; nothing is written then
 */
export async function updateLock(request: LockRequest, upgrade: Upgrade): Promise<LockResult> {
  const { path, lock = EMPTY_LOCK } = findLockFile(request.folder);
  const program = new ImageProgram({ ...request, lock: keptOf(lock, upgrade) });
  for (const image of request.images) await program.fetchBases(image, request.platforms);
  const used = Object.keys(program.bases.resolved.bases);
  const upgraded = upgradedOf(lock, upgrade, used);
  const unknown = upgraded.find((reference) => lock.bases[reference] === undefined && !used.includes(reference));
  if (unknown !== undefined) {
    const text = `--upgrade: ${unknown} is not in ${path}.`;
    throw new SlipwayError({ code: "USAGE", text, hint: "slipway lock FILE… adds what a file's Images are based on." });
  }
  for (const reference of upgraded) await fetchAsLocked(program.bases, lock, reference);
  const { resolved } = program.bases;
  if (Object.keys(resolved.bases).length === 0) return { path, before: lock, after: lock };
  const newer = pick(resolved, (reference) => upgraded.includes(reference));
  const change = (current: Lock): Lock => addToLock(replaceInLock(current, newer), resolved);
  return { path, ...(await updateLockFile(path, change)) };
}

function keptOf(lock: Lock, upgrade: Upgrade): Lock {
  if (upgrade === "none") return lock;
  if (upgrade === "used" || upgrade === "all") return EMPTY_LOCK;
  return pick(lock, (reference) => !upgrade.includes(reference));
}

function upgradedOf(lock: Lock, upgrade: Upgrade, used: readonly string[]): readonly string[] {
  if (upgrade === "none") return [];
  if (upgrade === "used") return used;
  return upgrade === "all" ? Object.keys(lock.bases) : upgrade;
}

/** Fetches all that a lock has of a base. */
async function fetchAsLocked(bases: LockedBases, lock: Lock, reference: string): Promise<void> {
  const known = lock.bases[reference];
  if (known === undefined) return;
  const entries = Object.entries(known.platforms);
  await bases.fetch(reference, entries.length === 0 ? [] : parsePlatforms(entries.map(([platform]) => platform)));
  for (const [platform, { config }] of entries) {
    if (config !== undefined) for (const known of parsePlatforms([platform])) await bases.fetchConfig(reference, known);
  }
}

function pick(lock: Lock, isMeant: (reference: string) => boolean): Lock {
  return { bases: Object.fromEntries(Object.entries(lock.bases).filter(([reference]) => isMeant(reference))) };
}

/**
 * What a program's lock lacks for the images; no registry is asked.
 *
 * @throws SlipwayError LOCK_INVALID
 */
export async function checkLock(
  request: Omit<LockRequest, "registry" | "mirrors">,
): Promise<{ readonly path: string; readonly missing: readonly string[] }> {
  const { path, lock = EMPTY_LOCK } = findLockFile(request.folder);
  const program = new ImageProgram({ ...request, registry: unasked, mirrors: [], lock });
  for (const image of request.images) {
    try {
      await program.fetchBases(image, request.platforms);
    } catch (error) {
      // What is missing could not be fetched: that is the answer.
      if (program.bases.missing.length === 0) throw error;
    }
  }
  return { path, missing: program.bases.missing };
}

const refuse = (): Promise<never> => Promise.reject(new Error("no registry is asked"));
const unasked: Registry = {
  findDigest: refuse,
  fetchManifest: refuse,
  fetchBlob: refuse,
  hasBlob: refuse,
  putBlob: refuse,
  putManifest: refuse,
};
