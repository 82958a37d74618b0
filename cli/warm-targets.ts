import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as v from "valibot";
import { locatedEntries, type LocatedRepository } from "../provider/located";
import { parseNodeGroup, type PlainNodeGroup } from "../provider/node-groups";
import { describeError, SlipwayError } from "../sdk/error";

/** What a Pulumi stack tells of an image and its pools. */
export interface StackFacts {
  /** Where the image is, and how that is asked. */
  readonly located: LocatedRepository | undefined;
  readonly groups: readonly PlainNodeGroup[];
  readonly namespace: string | undefined;
  /** Names of secrets by which the pools' nodes get in. */
  readonly imagePullSecrets: readonly string[];
}

const expressionSchema = v.object({
  key: v.string(),
  operator: v.string(),
  values: v.optional(v.array(v.string()), []),
});
const imageSchema = v.object({ hash: v.string(), ...locatedEntries });
const daemonSetSchema = v.looseObject({
  metadata: v.looseObject({ namespace: v.optional(v.string()), labels: v.record(v.string(), v.string()) }),
  spec: v.looseObject({
    template: v.looseObject({
      spec: v.looseObject({
        imagePullSecrets: v.optional(v.array(v.object({ name: v.string() })), []),
        affinity: v.looseObject({
          nodeAffinity: v.looseObject({
            requiredDuringSchedulingIgnoredDuringExecution: v.looseObject({
              nodeSelectorTerms: v.array(v.looseObject({ matchExpressions: v.array(expressionSchema) })),
            }),
          }),
        }),
      }),
    }),
  }),
});
const stackSchema = v.looseObject({
  deployment: v.looseObject({
    resources: v.optional(
      v.array(v.looseObject({ type: v.string(), outputs: v.optional(v.record(v.string(), v.unknown()), {}) })),
      [],
    ),
  }),
});

/**
 * Reads the stack of the working directory.
 *
 * @throws SlipwayError USAGE
 */
export async function readStack(
  hash: string,
  { stack, cwd, env }: { readonly stack: string | undefined; readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<StackFacts> {
  const args = ["stack", "export", "--non-interactive", ...(stack === undefined ? [] : ["--stack", stack])];
  try {
    const { stdout } = await promisify(execFile)("pulumi", args, { cwd, env, maxBuffer: 1 << 30 });
    return factsOf(hash, JSON.parse(stdout));
  } catch (cause) {
    throw new SlipwayError({
      code: "USAGE",
      text: `slipway image warm: there is no Pulumi stack to ask for the repository and the nodes: ${firstLine(cause)}.`,
      hint: "Run it in a program's folder, with --stack where none is selected, or give --repository and --nodes.",
      cause,
    });
  }
}

/** Finds in a stack's export what concerns an image. */
export function factsOf(hash: string, exported: unknown): StackFacts {
  const { resources } = v.parse(stackSchema, exported).deployment;
  const images = resources.flatMap(({ type, outputs }) => {
    const image = type.endsWith("slipway:BuiltImage") ? v.safeParse(imageSchema, outputs) : undefined;
    return image?.success === true ? [image.output] : [];
  });
  const daemonSets = resources.flatMap(({ type, outputs }) => {
    const found = type === "kubernetes:apps/v1:DaemonSet" ? v.safeParse(daemonSetSchema, outputs) : undefined;
    const isOurs = found?.success === true && found.output.metadata.labels["app.kubernetes.io/name"] === "warm-image";
    return isOurs ? [found.output] : [];
  });
  const image = images.find((one) => one.hash === hash) ?? images[0];
  const groups = new Map(daemonSets.map((one) => groupOf(one)).map((group) => [JSON.stringify(group), group]));
  return {
    located: image === undefined ? undefined : placeOf(image),
    groups: [...groups.values()],
    namespace: daemonSets[0]?.metadata.namespace,
    imagePullSecrets: [...new Set(daemonSets.flatMap(pullSecretsOf))],
  };
}

function placeOf({ repository, insecure, ecr }: v.InferOutput<typeof imageSchema>): LocatedRepository {
  return { repository, insecure, ecr };
}

function pullSecretsOf({ spec }: v.InferOutput<typeof daemonSetSchema>): readonly string[] {
  return spec.template.spec.imagePullSecrets.map(({ name }) => name);
}

/** What a pool's DaemonSet looks for on a node, besides what every image needs. */
function groupOf({ spec }: v.InferOutput<typeof daemonSetSchema>): PlainNodeGroup {
  const { nodeAffinity } = spec.template.spec.affinity;
  const [term] = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  const labels = (term?.matchExpressions ?? []).filter(
    ({ key, operator }) => operator === "In" && key !== "kubernetes.io/os" && key !== "kubernetes.io/arch",
  );
  return { labels: labels.map(({ key, values }) => ({ key, values })), tolerations: undefined };
}

/**
 * Reads `eks=workers`, `karpenter=gpu`, or plain labels: `pool=gpu,disk=ssd`.
 *
 * @throws SlipwayError USAGE
 */
export function parseNodes(text: string): PlainNodeGroup {
  const pairs = text.split(",").map((part) => {
    const equals = part.indexOf("=");
    return [part.slice(0, equals).trim(), part.slice(equals + 1).trim(), equals > 0] as const;
  });
  const [first] = pairs;
  const isCloud = pairs.length === 1 && ["eks", "karpenter", "gke", "aks"].includes(first?.[0] ?? "");
  const group = isCloud
    ? { [first?.[0] ?? ""]: first?.[1] }
    : { labels: Object.fromEntries(pairs.map(([key, value]) => [key, value])) };
  const parsed = pairs.every(([, , isPair]) => isPair) ? parseNodeGroup(group) : "it has no =";
  if (typeof parsed !== "string") return parsed;
  const hint = "Write eks=workers, karpenter=gpu, gke=pool, aks=pool, or labels: pool=gpu,disk=ssd.";
  throw new SlipwayError({ code: "USAGE", text: `--nodes ${JSON.stringify(text)}: ${parsed}.`, hint });
}

function firstLine(error: unknown): string {
  const [line = ""] = describeError(error)
    .replace(/^Command failed[^\n]*\n/, "")
    .split("\n");
  return line.replace(/^error: /, "").replace(/\.$/, "");
}
