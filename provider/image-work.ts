import { applyImage, readImage, type ApplyContext } from "./apply";
import { makeLimits } from "./builder-limits";
import { Builders } from "./builders";
import { parseBuilderChoice } from "./builder-choice";
import { dockerCredentials } from "./credentials";
import type { Leftovers } from "./leftovers";
import { makePauseLifecycle } from "./pause-lifecycle";
import type { Places } from "./place";
import type { ResourceLog } from "./resource-log";
import type { RunFacts, RunMemory } from "./run";
import { Registries } from "./registries";
import { hintConfig, type SecretPlaces } from "./secret-store";
import { readSettings } from "./settings";
import { SharedBuilds } from "./shared-builds";
import { repositoryOf, type ImageInputs } from "./state";

type Props = Record<string, unknown>;

export interface ImageWork {
  readonly apply: (props: Props) => ReturnType<typeof applyImage>;
  readonly read: (id: string, props: Props) => ReturnType<typeof readImage>;
  readonly pauseImage: ReturnType<typeof makePauseLifecycle>;
}

/** What the provider does with registries and builders. */
export function makeImageWork({
  env,
  memory,
  leftovers,
  logFor,
  readConfig,
  signal,
}: {
  readonly env: NodeJS.ProcessEnv;
  readonly memory: RunMemory;
  readonly leftovers: Leftovers;
  readonly logFor: (urn: string) => ResourceLog;
  readonly readConfig: SecretPlaces["readConfig"];
  readonly signal: AbortSignal;
}): ImageWork {
  const registries = new Registries(dockerCredentials(env));
  const builders = new Builders(leftovers, env, registries);
  const factsOf = (inputs: Readonly<Record<string, unknown>>): RunFacts => {
    const known = memory.of(inputs);
    if (known !== undefined) return known;
    const { builder, caBundle, compression, mirrors } = readSettings(env);
    return {
      folder: process.cwd(),
      callSites: [],
      existence: { kind: "unknown", cause: "nobody asked" },
      repository: repositoryOf(inputs["uri"]) ?? "",
      isLocked: false,
      mirrors,
      builder: parseBuilderChoice(builder, { caBundle, compression }),
      build: "auto",
    };
  };
  const context: ApplyContext = {
    placesOf: (inputs: ImageInputs): Places => registries.placesOf(inputs),
    bases: registries.oci(),
    makeBuilder: (choice, hosts, places) => builders.of(choice, hosts, places),
    placesFor: (folder) => ({ folder, env, readConfig, hintConfig }),
    factsOf,
    logFor,
    makeFolder: () => leftovers.makeFolder("mounts"),
    shared: new SharedBuilds(),
    limitOf: makeLimits(),
    signal,
  };
  return {
    apply: (props) => applyImage(context, props),
    read: (id, props) => readImage(context, id, props),
    pauseImage: makePauseLifecycle({ placesOf: (located) => registries.placesOf(located), logFor, signal }),
  };
}
