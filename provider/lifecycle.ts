import { hearCancel } from "./cancel-call";
import { watchEngine } from "./engine-watch";
import type { ImageWork } from "./image-work";
import { Leftovers } from "./leftovers";
import { plainError } from "./plain-error";
import { checkImage, diffImage } from "./preview";
import { connectToEngine, resourceLog, type ResourceLog } from "./resource-log";
import { RunMemory, urnOf } from "./run";
import { endOnSignal } from "./shutdown";
import type { makeWarmGate } from "./warm-gate-lifecycle";

/** What a build's line says after a first Ctrl-C. */
const FINISHES = "cancelling: this image is finished first; a second Ctrl-C stops it within 5 seconds";

type Props = Record<string, unknown>;

let made: ReturnType<typeof makeProvider> | undefined;

/** The stack's config as Pulumi hands it to `configure`: decrypted, and never an input or in the state. */
interface StackConfig {
  readonly get: (key: string) => string | undefined;
}
let stackConfig: StackConfig | undefined;

/** The provider of BuiltImage, as Pulumi's dynamic provider process loads it. Not for programs. */
export function provider(config?: StackConfig): ReturnType<typeof makeProvider>["image"] {
  stackConfig ??= config;
  return load().image;
}

/** The provider of the resource that waits for a pool. Not for programs. */
export function warmGate(): Promise<ReturnType<typeof makeWarmGate>> {
  return load().warmGate();
}

/** The provider of the image that sleeps on warm nodes. Not for programs. */
export function pauseImage(): Promise<ImageWork["pauseImage"]> {
  return load().pauseImage();
}

function load(): ReturnType<typeof makeProvider> {
  return (made ??= makeProvider(process.env));
}

/** Connects what the other files do with this process. What a preview of unchanged images does without is loaded late. */
function makeProvider(env: NodeJS.ProcessEnv) {
  connectToEngine(process.argv[2]);
  const memory = new RunMemory();
  const leftovers = new Leftovers();
  leftovers.sweep();
  const running = new Map<Promise<unknown>, string>();
  const signal = endOnSignal(leftovers, () => Promise.allSettled(running.keys()));
  const logs = new Map<string, ResourceLog>();
  const logFor = (urn: string): ResourceLog => {
    const log = logs.get(urn) ?? resourceLog(urn);
    logs.set(urn, log);
    return log;
  };
  const readConfig = (key: string): string | undefined => stackConfig?.get(key);
  let loaded: Promise<ImageWork> | undefined;
  const loadWork = (): Promise<ImageWork> =>
    (loaded ??= import("./image-work.js").then(({ makeImageWork }) =>
      makeImageWork({ env, memory, leftovers, logFor, readConfig, signal }),
    ));
  let gate: Promise<ReturnType<typeof makeWarmGate>> | undefined;
  // As if the engine had ended us.
  watchEngine(process.argv[2], () => process.kill(process.pid, "SIGTERM"));
  hearCancel(() => {
    for (const urn of running.values()) logFor(urn).info(FINISHES);
  });
  const apply = (props: Props): ReturnType<ImageWork["apply"]> => {
    const work = plainError(loadWork().then((own) => own.apply(props))).finally(() => running.delete(work));
    running.set(work, urnOf(props));
    return work;
  };
  const image = {
    check: async (olds: Props, news: Props) => checkImage({ memory, logFor }, olds, news),
    diff: async (_id: string, olds: Props, news: Props) => diffImage({ memory, logFor }, olds, news),
    create: async (inputs: Props) => apply(inputs),
    update: async (_id: string, _olds: Props, news: Props) => apply(news),
    read: async (id: string, props: Props) => (await loadWork()).read(id, props),
    /** Images are shared: another stack may run the same hash. */
    delete: async (): Promise<void> => undefined,
  };
  return {
    image,
    warmGate: () =>
      (gate ??= import("./warm-gate-lifecycle.js").then(({ makeWarmGate }) => makeWarmGate({ env, logFor, signal }))),
    pauseImage: async () => (await loadWork()).pauseImage,
  };
}
