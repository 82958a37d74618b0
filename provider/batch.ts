/** What a batch does and how big it gets. */
export interface BatchOptions<V> {
  /** Answers all keys in one request; a key that is left out has no value. */
  readonly run: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;
  /** How many keys one request takes. */
  readonly maxKeys: number;
  /** Sent when nothing was added for so long, in milliseconds. */
  readonly quietMs?: number;
}

interface Entry<V> {
  readonly answer: Promise<V | undefined>;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** No key waits longer for others to come. */
const MAX_WAIT_MS = 200;

/** Puts questions that come close together into one request. Nothing is remembered once it is answered. */
export class Batch<V> {
  readonly #options: BatchOptions<V>;
  #waiting = new Map<string, Entry<V>>();
  #timer: NodeJS.Timeout | undefined;
  #oldest = 0;

  constructor(options: BatchOptions<V>) {
    this.#options = options;
  }

  async load(key: string, signal?: AbortSignal): Promise<V | undefined> {
    signal?.throwIfAborted();
    const entry = this.#waiting.get(key) ?? this.#add(key);
    if (signal === undefined) return entry.answer;
    let stop = (): void => undefined;
    const aborted = new Promise<void>((resolve) => {
      stop = resolve;
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      await Promise.race([entry.answer, aborted]);
      signal.throwIfAborted();
      return await entry.answer;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #add(key: string): Entry<V> {
    const entry = makeEntry<V>();
    if (this.#waiting.size === 0) this.#oldest = performance.now();
    this.#waiting.set(key, entry);
    clearTimeout(this.#timer);
    if (this.#waiting.size >= this.#options.maxKeys) this.#send();
    else {
      const { quietMs = 10 } = this.#options;
      const leftMs = Math.max(0, this.#oldest + MAX_WAIT_MS - performance.now());
      this.#timer = setTimeout(() => this.#send(), Math.min(quietMs, leftMs));
    }
    return entry;
  }

  #send(): void {
    const entries = this.#waiting;
    this.#waiting = new Map();
    this.#options.run([...entries.keys()]).then(
      (values) => entries.forEach(({ resolve }, key) => resolve(values.get(key))),
      (error: unknown) => entries.forEach(({ reject }) => reject(error)),
    );
  }
}

function makeEntry<V>(): Entry<V> {
  let settle: Pick<Entry<V>, "resolve" | "reject"> = { resolve: () => undefined, reject: () => undefined };
  const answer = new Promise<V | undefined>((resolve, reject) => (settle = { resolve, reject }));
  answer.catch(() => undefined); // Whoever gave up no longer listens.
  return { answer, ...settle };
}
