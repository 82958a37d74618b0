import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { FileEntry, TreeProgress } from "./tree";

const WORKERS = 2;
const DIGEST_BYTES = 32;
/** Below that, starting threads costs more than it saves (bench/). */
const MIN_FILES = 2_000;
const MIN_BYTES = 64_000_000;
/** What a worker gets at once. */
const BATCH_FILES = 200;
const BATCH_BYTES = 8_000_000;
/** How often it says how far it is in a large file. */
const TOLD_BYTES = 64_000_000;

/** As text, so that no loader of the program (ts-node, jiti, a bundler) has a say. It reads in place, like files.ts. */
const WORKER_TEXT = `
const { openSync, readSync, fstatSync, closeSync, constants } = require("node:fs");
const { createHash, hash } = require("node:crypto");
const { parentPort } = require("node:worker_threads");
const buffer = Buffer.allocUnsafeSlow(1 << 20);
let bytes = 0;
const numbers = new BigUint64Array(5);
const numberBytes = Buffer.from(numbers.buffer);
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }) {
  numbers.set([dev, ino, size, mtimeNs, ctimeNs]);
  return numberBytes.toString("latin1");
}
function hashFile(path, sizeBytes, stamp) {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const digest = hashOpened(file, sizeBytes);
    return { digest, isSteady: stamp !== "" && stampOf(fstatSync(file, { bigint: true })) === stamp };
  } finally {
    closeSync(file);
  }
}
function hashOpened(file, sizeBytes) {
  let digest;
  for (let length = 0; ; ) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    length += count;
    bytes += count;
    if (bytes > ${TOLD_BYTES}) {
      parentPort.postMessage({ kind: "read", bytes });
      bytes = 0;
    }
    const isWhole = count === 0 || (length === sizeBytes && length < buffer.length);
    if (isWhole && digest === undefined) return hash("sha256", buffer.subarray(0, length), "buffer");
    if (count > 0 && length < buffer.length) continue;
    digest ??= createHash("sha256");
    digest.update(buffer.subarray(0, length));
    if (count === 0) return digest.digest();
    length = 0;
  }
}
parentPort.on("message", ({ first, paths, sizes, stamps }) => {
  const digests = new Uint8Array(paths.length * ${DIGEST_BYTES});
  const isSteady = new Uint8Array(paths.length);
  for (const [index, path] of paths.entries()) {
    try {
      const hashed = hashFile(path, sizes[index], stamps[index]);
      digests.set(hashed.digest, index * ${DIGEST_BYTES});
      isSteady[index] = Number(hashed.isSteady);
    } catch ({ code, syscall, message }) {
      parentPort.postMessage({ kind: "failed", index: first + index, code, syscall, message });
      return;
    }
  }
  parentPort.postMessage({ kind: "done", first, digests, isSteady, bytes });
  bytes = 0;
});
`;

interface Failure {
  readonly index: number;
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
}

type Answer =
  | { readonly kind: "read"; readonly bytes: number }
  | {
      readonly kind: "done";
      readonly first: number;
      readonly digests: Uint8Array;
      readonly isSteady: Uint8Array;
      readonly bytes: number;
    }
  | (Failure & { readonly kind: "failed" });

/** Whether threads hash these files faster than this one does. */
export function isWorthWorkers(files: readonly FileEntry[]): boolean {
  const isMuch = files.length >= MIN_FILES || files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) >= MIN_BYTES;
  return isMuch && availableParallelism() >= WORKERS;
}

/** What was read of files. */
export interface FileDigests {
  /** 32 bytes for each, one after the other. */
  readonly digests: Buffer;
  /** 1 for each that is known to have been the same file, unchanged, when it was listed and when it had been read. */
  readonly isSteady: Uint8Array;
}

/** Who waits for the workers. */
interface Waiting {
  /** Of which files it is asked whether they change meanwhile. */
  readonly isWatched: (file: FileEntry) => boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: TreeProgress) => void;
  /** Makes an error of what a file could not be read for. */
  readonly fail: (file: FileEntry, failure: Failure) => unknown;
}

/** Hashes files in threads. */
export async function hashInWorkers(files: readonly FileEntry[], waiting: Waiting): Promise<FileDigests> {
  const digests = Buffer.alloc(files.length * DIGEST_BYTES);
  const isSteady = new Uint8Array(files.length);
  const batches = cutBatches(files);
  const done = { entries: 0, bytes: 0 };
  const take = (answer: Answer): void => {
    if (answer.kind === "failed") {
      const file = files[answer.index];
      throw file === undefined ? new Error(answer.message) : waiting.fail(file, answer);
    }
    done.bytes += answer.bytes;
    if (answer.kind === "done") {
      digests.set(answer.digests, answer.first * DIGEST_BYTES);
      isSteady.set(answer.isSteady, answer.first);
      done.entries += answer.digests.length / DIGEST_BYTES;
    }
    waiting.onProgress({ ...done });
  };
  const nextBatch = (): Batch | undefined => {
    const { value } = batches.next();
    if (value === undefined) return undefined;
    const batch = files.slice(...value);
    const paths = batch.map(({ absolutePath }) => absolutePath);
    const stamps = batch.map((file) => (waiting.isWatched(file) ? file.stamp : ""));
    return { first: value[0], paths, sizes: batch.map(({ sizeBytes }) => sizeBytes), stamps };
  };
  const workers = Array.from({ length: WORKERS }, () => new Worker(WORKER_TEXT, { eval: true, execArgv: [] }));
  try {
    waiting.signal?.throwIfAborted();
    await Promise.all(workers.map((worker) => employ(worker, nextBatch, take, waiting.signal)));
    return { digests, isSteady };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

interface Batch {
  readonly first: number;
  readonly paths: readonly string[];
  readonly sizes: readonly number[];
  /** Empty where nobody asks whether the file changes. */
  readonly stamps: readonly string[];
}

/** Gives a worker one batch after the other, until there are no more. */
function employ(
  worker: Worker,
  nextBatch: () => Batch | undefined,
  take: (answer: Answer) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sendNext = (): void => {
      const batch = nextBatch();
      if (batch === undefined) resolve();
      else worker.postMessage(batch);
    };
    worker.on("error", reject);
    worker.on("message", (answer: Answer) => {
      try {
        take(answer);
        if (answer.kind === "done") sendNext();
      } catch (error) {
        reject(toError(error));
      }
    });
    signal?.addEventListener("abort", () => reject(toError(signal.reason)), { once: true });
    sendNext();
  });
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}

function* cutBatches(files: readonly FileEntry[]): Generator<readonly [first: number, end: number], undefined> {
  let first = 0;
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    bytes += file.sizeBytes;
    const end = index + 1;
    if (end - first < BATCH_FILES && bytes < BATCH_BYTES && end < files.length) continue;
    yield [first, end];
    first = end;
    bytes = 0;
  }
  return undefined;
}
