import * as v from "valibot";
import { describeError, SlipwayError } from "../sdk/error";
import { formatReference, parseReference } from "../sdk/reference";
import { placesOf, type Mirror } from "./mirrors";
import type { Manifest, Registry, RepositoryAddress } from "./registry";

/** An image that somebody else built, as it is right now. */
export interface ReferenceImage {
  /** `host/path@sha256:…`: by digest a node asks no registry for what it has. */
  readonly ref: string;
  readonly digest: string;
  /** As Kubernetes names them: `amd64`, `arm64`. Empty where they are not known. */
  readonly architectures: readonly string[];
  /** Why they are not. */
  readonly unknownBecause?: string;
}

const indexSchema = v.object({
  manifests: v.array(v.object({ platform: v.optional(v.object({ os: v.string(), architecture: v.string() })) })),
});
const manifestSchema = v.object({ config: v.object({ digest: v.string() }) });
const configSchema = v.object({ os: v.string(), architecture: v.string() });

/**
 * Turns a reference into its digest and architectures, by the first mirror that has it, else its own registry. The
 * reference keeps its own place: where a node pulls from is the node's affair. One by digest that only nodes can reach
 * is taken as it is, with architectures that nobody knows.
 *
 * @throws SlipwayError BASE_UNAVAILABLE, INVALID_REFERENCE
 */
export async function findReferenceImage(
  registry: Registry,
  mirrors: readonly Mirror[],
  reference: string,
): Promise<ReferenceImage> {
  const parsed = parseReference(reference);
  const failures: string[] = [];
  let isUnasked = false; // The last place is the reference's own: what it says goes.
  for (const place of placesOf(parsed, mirrors)) {
    try {
      const manifest = await registry.fetchManifest(place, parsed.digest ?? parsed.tag ?? "latest");
      if (manifest !== undefined) {
        const ref = formatReference({ host: parsed.host, path: parsed.path, digest: manifest.digest });
        return { ref, digest: manifest.digest, ...(await findArchitectures(registry, place, manifest)) };
      }
      isUnasked = false;
      failures.push(`${formatReference({ ...parsed, ...place })} does not exist`);
    } catch (error) {
      isUnasked = true;
      failures.push(describeError(error));
    }
  }
  if (isUnasked && parsed.digest !== undefined) {
    const ref = formatReference({ host: parsed.host, path: parsed.path, digest: parsed.digest });
    return { ref, digest: parsed.digest, architectures: [], unknownBecause: failures.join("; ") };
  }
  throw new SlipwayError({
    code: "BASE_UNAVAILABLE",
    text: `image ${reference}: it was found nowhere.\n${failures.map((failure) => `  - ${failure}`).join("\n")}\n`,
    hint: "Check its name, log in where it lives, or name a mirror in SLIPWAY_MIRRORS (docker.io=<host>).",
  });
}

async function findArchitectures(
  registry: Registry,
  place: RepositoryAddress,
  manifest: Manifest,
): Promise<Pick<ReferenceImage, "architectures" | "unknownBecause">> {
  try {
    const architectures = await readArchitectures(registry, place, manifest);
    return architectures.length > 0 ? { architectures } : { architectures, unknownBecause: "it names none for Linux" };
  } catch (error) {
    return { architectures: [], unknownBecause: describeError(error) };
  }
}

async function readArchitectures(
  registry: Registry,
  place: RepositoryAddress,
  manifest: Manifest,
): Promise<readonly string[]> {
  const index = parse(indexSchema, manifest.bytes);
  if (index !== undefined) {
    const linux = index.manifests.flatMap(({ platform }) => (platform?.os === "linux" ? [platform.architecture] : []));
    return [...new Set(linux)].sort();
  }
  const digest = parse(manifestSchema, manifest.bytes)?.config.digest;
  const blob = digest === undefined ? undefined : await registry.fetchBlob(place, digest);
  const config = blob === undefined ? undefined : parse(configSchema, blob);
  return config?.os === "linux" ? [config.architecture] : [];
}

function parse<S extends v.GenericSchema>(schema: S, bytes: Buffer): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), bytes.toString("utf8"));
  return parsed.success ? parsed.output : undefined;
}

/** The architecture of a platform such as `linux/arm64/v8`, as a node's label has it. */
export function architectureOf(platform: string): string {
  return platform.split("/")[1] ?? platform;
}
