import * as v from "valibot";
import { locatedEntries, type LocatedRepository } from "./located";
import { publishPauseImage } from "./pause-image";
import type { Places } from "./place";
import { plainError } from "./plain-error";
import type { ResourceLog } from "./resource-log";
import { urnOf } from "./run";
import { isUnknown } from "./state";

export interface PauseContext {
  readonly placesOf: (located: LocatedRepository) => Places;
  readonly logFor: (urn: string) => ResourceLog;
  readonly signal: AbortSignal;
}

type Props = Readonly<Record<string, unknown>>;

const inputsSchema = v.looseObject({ ...locatedEntries, digest: v.string() });

/** Pulumi's calls for the image that sleeps. */
export function makePauseLifecycle({ placesOf, logFor, signal }: PauseContext) {
  async function publish(props: Props): Promise<string> {
    const inputs = v.parse(inputsSchema, props);
    const { home } = placesOf(inputs);
    await home.prepare?.();
    const { digest, reused } = await publishPauseImage(home.registry, home.address, signal);
    logFor(urnOf(props)).status(reused ? "exists" : "pushed");
    return digest;
  }
  return {
    check: (_olds: Props, news: Props) => Promise.resolve({ inputs: news, failures: [] }),
    diff: (_id: string, olds: Props, news: Props) => {
      const replaces = ["repository", "digest"].filter((name) => isUnknown(news[name]) || olds[name] !== news[name]);
      return Promise.resolve({ changes: replaces.length > 0, replaces, deleteBeforeReplace: false });
    },
    create: async (inputs: Props) => ({ id: await plainError(publish(inputs)), outs: inputs }),
    update: async (_id: string, _olds: Props, news: Props) => {
      await plainError(publish(news));
      return { outs: news };
    },
    read: (id: string, props: Props) => Promise.resolve({ id, props }),
    /** Other stacks run it. */
    delete: (): Promise<void> => Promise.resolve(),
  };
}
