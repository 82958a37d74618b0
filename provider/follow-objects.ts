import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError } from "../sdk/error";

/** Some objects of a cluster, and what is kept of each. */
export interface ObjectSource<O, T> {
  readonly listPage: (page: PageOptions) => Promise<ObjectPage<O>>;
  /** Reports each change from a version on, until the server ends it; throws what a list would throw. */
  readonly watch: (since: string, onEvent: (phase: string, object: O) => void, signal: AbortSignal) => Promise<void>;
  readonly nameOf: (object: O) => string;
  /** `undefined` for what is of no interest. */
  readonly read: (object: O) => T | undefined;
}

export interface PageOptions {
  readonly limit: number;
  readonly _continue?: string;
}

/** One page of a list, as the client gives it. */
export interface ObjectPage<O> {
  readonly items: readonly O[];
  readonly metadata?: { readonly resourceVersion?: string; readonly _continue?: string };
}

export type OnChange<T> = (objects: ReadonlyMap<string, T>) => void;

/** The client makes large objects of what it reads: 1,000 pods at once are 30 MB more than 100. */
const PAGE = 100;

export interface FollowLimits {
  /** From one list to the next, in milliseconds: a server that ends each watch at once is not asked without pause. */
  readonly relistMs: number;
  /** How long it may fail before that is the end, in milliseconds. */
  readonly failingMs: number;
}
const LIMITS: FollowLimits = { relistMs: 1_000, failingMs: 60_000 };

/**
 * Lists objects and follows their changes, until the signal aborts; `onChange` gets all of them. A server ends each
 * watch after some minutes, then the list is read anew.
 *
 * @throws what the first list throws, CLUSTER_DENIED whenever it comes, and what lasts
 */
export async function followObjects<O, T>(
  source: ObjectSource<O, T>,
  onChange: OnChange<T>,
  signal: AbortSignal,
  { relistMs, failingMs }: FollowLimits = LIMITS,
): Promise<void> {
  let goodAtMs: number | undefined;
  while (!signal.aborted) {
    const start = performance.now();
    try {
      const objects = new Map<string, T>();
      const since = await listAll(source, objects);
      goodAtMs = performance.now();
      onChange(objects);
      const onEvent = (phase: string, object: O): void => {
        if (!keep(source, objects, phase, object)) return;
        goodAtMs = performance.now();
        onChange(objects);
      };
      await source.watch(since, onEvent, signal);
    } catch (error) {
      if (signal.aborted) return;
      const isDenied = !(error instanceof SlipwayError) || error.code === "CLUSTER_DENIED";
      if (isDenied || goodAtMs === undefined || performance.now() - goodAtMs > failingMs) throw error;
    }
    await pause(relistMs - (performance.now() - start), signal);
  }
}

async function listAll<O, T>(source: ObjectSource<O, T>, objects: Map<string, T>): Promise<string> {
  let next: string | undefined;
  for (;;) {
    const page: PageOptions = { limit: PAGE, ...(next === undefined ? {} : { _continue: next }) };
    const { items, metadata } = await source.listPage(page);
    for (const object of items) keep(source, objects, "ADDED", object);
    next = metadata?._continue;
    if (next === undefined || next === "") return metadata?.resourceVersion ?? "";
  }
}

/** Whether anything that is kept has changed. */
function keep<O, T>(source: ObjectSource<O, T>, objects: Map<string, T>, phase: string, object: O): boolean {
  if (phase === "DELETED") return objects.delete(source.nameOf(object));
  const kept = phase === "ADDED" || phase === "MODIFIED" ? source.read(object) : undefined;
  if (kept !== undefined) objects.set(source.nameOf(object), kept);
  return kept !== undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
