import { applyImage, readImage, type ApplyContext } from "./apply";
import { makeLimits } from "./builder-limits";
import { Builders } from "./builders";
import { parseBuilderChoice } from "./builder-choice";
import { hearCancel } from "./cancel-call";
import { dockerCredentials } from "./credentials";
import { watchEngine } from "./engine-watch";
import { Leftovers } from "./leftovers";
import { makePauseLifecycle } from "./pause-lifecycle";
import type { Places } from "./place";
import { plainError } from "./plain-error";
import { checkImage, diffImage } from "./preview";
import { connectToEngine, resourceLog, type ResourceLog } from "./resource-log";
import { RunMemory, urnOf, type RunFacts } from "./run";
import { Registries } from "./registries";
import { hintConfig, type SecretPlaces } from "./secret-store";
import { readSettings } from "./settings";
import { SharedBuilds } from "./shared-builds";
import { endOnSignal } from "./shutdown";
import type { ImageInputs } from "./state";
import { makeWarmGate } from "./warm-gate-lifecycle";

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
export function warmGate(): ReturnType<typeof makeProvider>["warmGate"] {
  return load().warmGate;
}

/** The provider of the image that sleeps on warm nodes. Not for programs. */
export function pauseImage(): ReturnType<typeof makeProvider>["pauseImage"] {
  return load().pauseImage;
}

function load(): ReturnType<typeof makeProvider> {
  return (made ??= makeProvider(process.env));
}

/** Connects what the other files do with this process. */
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
  const registries = new Registries(dockerCredentials(env));
  const builders = new Builders(leftovers, env, registries);
  const factsOf = (inputs: unknown): RunFacts => {
    const known = memory.of(inputs);
    if (known !== undefined) return known;
    const { builder, caBundle, compression, mirrors } = readSettings(env);
    return {
      folder: process.cwd(),
      callSites: [],
      existence: { kind: "unknown", cause: "nobody asked" },
      isLocked: false,
      mirrors,
      builder: parseBuilderChoice(builder, { caBundle, compression }),
      build: "auto",
    };
  };
  const placesFor = (folder: string): SecretPlaces => ({
    folder,
    env,
    readConfig: (key) => stackConfig?.get(key),
    hintConfig,
  });
  const context: ApplyContext = {
    placesOf: (inputs: ImageInputs): Places => registries.placesOf(inputs),
    bases: registries.oci(),
    makeBuilder: (choice, hosts, places) => builders.of(choice, hosts, places),
    placesFor,
    factsOf,
    logFor,
    makeFolder: () => leftovers.makeFolder("mounts"),
    shared: new SharedBuilds(),
    limitOf: makeLimits(),
    signal,
  };
  // As if the engine had ended us.
  watchEngine(process.argv[2], () => process.kill(process.pid, "SIGTERM"));
  hearCancel(() => {
    for (const urn of running.values()) logFor(urn).info(FINISHES);
  });
  const apply = (props: Props): ReturnType<typeof applyImage> => {
    const work = plainError(applyImage(context, props)).finally(() => running.delete(work));
    running.set(work, urnOf(props));
    return work;
  };
  const image = {
    check: async (olds: Props, news: Props) => checkImage({ memory, logFor }, olds, news),
    diff: async (_id: string, olds: Props, news: Props) => diffImage({ memory, logFor }, olds, news),
    create: async (inputs: Props) => apply(inputs),
    update: async (_id: string, _olds: Props, news: Props) => apply(news),
    read: async (id: string, props: Props) => readImage(context, id, props),
    /** Images are shared: another stack may run the same hash. */
    delete: async (): Promise<void> => undefined,
  };
  return {
    image,
    warmGate: makeWarmGate({ env, logFor, signal }),
    pauseImage: makePauseLifecycle({ placesOf: (located) => registries.placesOf(located), logFor, signal }),
  };
}
