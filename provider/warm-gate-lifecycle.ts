import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import { awaitWarm } from "./await-warm";
import { openCluster } from "./cluster";
import { plainError } from "./plain-error";
import type { ResourceLog } from "./resource-log";
import { urnOf } from "./run";
import { isUnknown } from "./state";
import type { PoolProgress } from "./warm-progress";

export interface GateContext {
  readonly env: NodeJS.ProcessEnv;
  readonly logFor: (urn: string) => ResourceLog;
  readonly signal: AbortSignal;
}

type Props = Readonly<Record<string, unknown>>;

const KUBECONFIG_INPUT = "__kubeconfig";

const inputsSchema = v.looseObject({
  targets: v.array(
    v.object({ namespace: v.string(), name: v.string(), uid: v.string(), group: v.string(), key: v.string() }),
  ),
  wait: v.object({ minPercent: v.number(), timeoutSeconds: v.number() }),
  selectors: v.record(v.string(), v.string()),
});

/** Pulumi's calls for the resource that waits for a pool. */
export function makeWarmGate({ env, logFor, signal }: GateContext) {
  /** What check was told and the state must not keep, by URN. */
  const kubeconfigs = new Map<string, string>();

  async function wait(props: Props): Promise<{ readonly groups: PoolProgress["groups"] }> {
    const { targets, wait: condition, selectors } = v.parse(inputsSchema, props);
    const log = logFor(urnOf(props));
    const kubeconfig = kubeconfigs.get(urnOf(props)) ?? env["KUBECONFIG"];
    if (kubeconfig === undefined || kubeconfig === "") throw noKubeconfig();
    const cluster = await openCluster(kubeconfig);
    const groups = await awaitWarm(targets, condition, {
      cluster,
      report: (text) => log.status(text),
      warn: (text) => log.warn(text),
      signal,
    });
    for (const [name, { desired }] of Object.entries(groups)) {
      if (desired === 0) log.warn(`no node matches the group ${name}: ${selectors[name] ?? ""}`);
    }
    return { groups };
  }

  return {
    check: (_olds: Props, news: Props) => {
      const { [KUBECONFIG_INPUT]: kubeconfig, ...inputs } = news;
      if (typeof kubeconfig === "string" && !isUnknown(kubeconfig)) kubeconfigs.set(urnOf(news), kubeconfig);
      return Promise.resolve({ inputs, failures: [] });
    },
    diff: (_id: string, olds: Props, news: Props) => {
      const same = (name: string): boolean => JSON.stringify(olds[name]) === JSON.stringify(news[name]);
      // Another time limit is no reason to wait again.
      const changes = isUnknown(news) || !same("targets");
      return Promise.resolve({ changes, replaces: [], deleteBeforeReplace: false });
    },
    create: async (inputs: Props) => ({
      id: urnOf(inputs),
      outs: { ...inputs, ...(await plainError(wait(inputs))) },
    }),
    update: async (_id: string, _olds: Props, news: Props) => ({
      outs: { ...news, ...(await plainError(wait(news))) },
    }),
    read: (id: string, props: Props) => Promise.resolve({ id, props }),
    delete: (): Promise<void> => Promise.resolve(),
  };
}

function noKubeconfig(): SlipwayError {
  return new SlipwayError({
    code: "CLUSTER_UNAVAILABLE",
    text: "waiting for the nodes: there is no kubeconfig.",
    hint: 'Give the WarmPool { kubeconfig }, set KUBECONFIG, or set wait to "none".',
  });
}
