import pLimit from "p-limit";
import { applyImage, readImage, type ApplyContext } from "./apply";
import { BuildkitBuilder } from "./buildkit";
import { parseBuilderChoice, type BuilderChoice } from "./buildx";
import { dockerCredentials } from "./credentials";
import { Leftovers } from "./leftovers";
import { OciRegistry } from "./oci-registry";
import { makePauseLifecycle } from "./pause-lifecycle";
import { plainError } from "./plain-error";
import { checkImage, diffImage } from "./preview";
import { connectToEngine, resourceLog, type ResourceLog } from "./resource-log";
import { RunMemory, type RunFacts } from "./run";
import { hintConfig, type SecretPlaces } from "./secret-store";
import { readSettings } from "./settings";
import { endOnSignal } from "./shutdown";
import type { ImageInputs } from "./state";
import { makeWarmGate } from "./warm-gate-lifecycle";

/** How many images are built at once; what BuildKit does with them is its own affair. */
const MAX_CONCURRENCY = 4;

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
  const running = new Set<Promise<unknown>>();
  const signal = endOnSignal(leftovers, () => Promise.allSettled(running));
  const logs = new Map<string, ResourceLog>();
  const logFor = (urn: string): ResourceLog => {
    const log = logs.get(urn) ?? resourceLog(urn);
    logs.set(urn, log);
    return log;
  };
  const builders = new Map<string, BuildkitBuilder>();
  const makeBuilder = (choice: BuilderChoice): BuildkitBuilder => {
    const key = JSON.stringify(choice);
    const builder = builders.get(key) ?? new BuildkitBuilder(choice, leftovers, env);
    builders.set(key, builder);
    return builder;
  };
  const factsOf = (inputs: unknown): RunFacts => {
    const known = memory.of(inputs);
    if (known !== undefined) return known;
    const { builder, caBundle, mirrors } = readSettings(env);
    return {
      folder: process.cwd(),
      callSites: [],
      existence: { kind: "unknown", cause: "nobody asked" },
      isLocked: false,
      mirrors,
      builder: parseBuilderChoice(builder, caBundle),
    };
  };
  const placesFor = (folder: string): SecretPlaces => ({
    folder,
    env,
    readConfig: (key) => stackConfig?.get(key),
    hintConfig,
  });
  const registries = new Map<string, OciRegistry>();
  const registryFor = ({ repository, insecure }: Pick<ImageInputs, "repository" | "insecure">): OciRegistry => {
    const host = insecure === true ? (repository.split("/")[0] ?? "") : "";
    const insecureHosts = new Set(host === "" ? [] : [host]);
    const registry =
      registries.get(host) ?? new OciRegistry({ findCredentials: dockerCredentials(env), insecureHosts });
    registries.set(host, registry);
    return registry;
  };
  const limit = pLimit(MAX_CONCURRENCY);
  const context: ApplyContext = { registryFor, makeBuilder, placesFor, factsOf, logFor, limit, signal };
  const apply = (props: Props): ReturnType<typeof applyImage> => {
    const work = plainError(applyImage(context, props)).finally(() => running.delete(work));
    running.add(work);
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
    pauseImage: makePauseLifecycle({ registryFor, logFor, signal }),
  };
}
