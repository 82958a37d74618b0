import { referenceOf } from "../sdk/dockerfile-plan";
import { SlipwayError } from "../sdk/error";
import { parseReference, type Reference } from "../sdk/reference";
import { isDockerfileBase, type ResolvedSpec } from "../sdk/spec";
import type { RepositoryAddress } from "./registry";

/** Another place for what a registry holds. */
export interface Mirror {
  /** For example `docker.io`. */
  readonly registry: string;
  /** `host` or `host/path`; the repository's own path follows. */
  readonly place: string;
}

/**
 * Reads `docker.io=localhost:5000,ghcr.io=localhost:5000/ghcr`.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function parseMirrors(text: string): readonly Mirror[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return entries
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [registry = "", place = "", ...rest] = entry.split("=").map((part) => part.trim());
      if (registry === "" || place === "" || rest.length > 0 || place.includes("://")) {
        throw new SlipwayError({
          code: "INVALID_ARGUMENT",
          text: `mirrors: ${JSON.stringify(entry)} does not say which registry is mirrored where.`,
          hint: "Write docker.io=localhost:5000,ghcr.io=localhost:5000/ghcr.",
        });
      }
      return { registry, place: place.replace(/\/+$/, "") };
    });
}

/** Where to look for an image: the mirrors of its registry in their order, then the registry itself. */
export function placesOf(reference: Reference, mirrors: readonly Mirror[]): readonly RepositoryAddress[] {
  const mirrored = mirrors
    .filter((mirror) => mirror.registry === reference.host)
    .map((mirror) => {
      const [host = "", ...prefix] = mirror.place.split("/");
      return { host, path: [...prefix, reference.path].join("/") };
    });
  return [...mirrored, { host: reference.host, path: reference.path }];
}

/** The registries that may be asked for the bases of some specs, and for the other images that they name. */
export function hostsOf(
  specs: readonly Pick<ResolvedSpec, "base" | "images">[],
  mirrors: readonly Mirror[],
): readonly string[] {
  const references = specs.flatMap(({ base, images }) => [
    ...(isDockerfileBase(base) ? [] : [base.reference]),
    ...Object.keys(images ?? {}).map(referenceOf),
  ]);
  return references.flatMap((reference) => placesOf(parseReference(reference), mirrors).map(({ host }) => host));
}
