import type { Tree, TreeProgress, TreeWatch } from "./tree";

/** Where the reading of local files is told of: what was left out, and what takes long. */
export interface SourceReport {
  /** A line that stays. */
  readonly info?: ((text: string) => void) | undefined;
  /** What happens right now; the next one takes its place. */
  readonly status?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** From here on a folder is likely to hold what nobody meant to copy. */
const MANY_ENTRIES = 100_000;
const STATUS_EVERY_MS = 1_000;

/**
 * Lists files, telling how far that is, and once, of very many, how to leave some out.
 *
 * @param what the call that lists them.
 */
export async function listWatched(
  report: SourceReport,
  { what, advice }: { readonly what: string; readonly advice: string },
  list: (watch: TreeWatch) => Promise<Tree>,
): Promise<Tree> {
  let isHinted = false;
  const hint = (entries: number): void => {
    if (isHinted || entries < MANY_ENTRIES) return;
    isHinted = true;
    report.info?.(`${what}: ${count(MANY_ENTRIES)} files and folders so far; ${advice}`);
  };
  const tree = await list(
    watchOf(report, ({ entries }) => {
      hint(entries);
      return `${what}: found ${count(entries)} files and folders`;
    }),
  );
  hint(tree.length);
  return tree;
}

/**
 * Tells how far it is with the bytes of a tree.
 *
 * @param doing the call, and what it does with them.
 */
export function watchBytes(report: SourceReport, doing: string, tree: Tree): TreeWatch {
  const sizeBytes = tree.reduce((sum, item) => sum + (item.type === "file" ? item.sizeBytes : 0), 0);
  return watchOf(report, ({ bytes, entries }) => {
    const done = `${megabytes(bytes)} of ${megabytes(sizeBytes)} MB`;
    return `${doing} ${count(entries)} of ${count(tree.length)} files and folders, ${done}`;
  });
}

/** Tells of what takes longer than a second, once a second. */
function watchOf(report: SourceReport, describe: (progress: TreeProgress) => string): TreeWatch {
  let toldAt = performance.now();
  return {
    signal: report.signal,
    onProgress: (progress) => {
      const text = describe(progress);
      if (performance.now() - toldAt < STATUS_EVERY_MS) return;
      toldAt = performance.now();
      report.status?.(text);
    },
  };
}

function count(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

function megabytes(bytes: number): string {
  return count(Math.round(bytes / 1_000_000));
}
