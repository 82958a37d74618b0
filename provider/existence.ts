import { describeError, SlipwayError } from "../sdk/error";
import type { Registry, RepositoryAddress } from "./registry";

/** What a repository said about a hash. */
export type Existence =
  | { readonly kind: "stored"; readonly digest: string }
  | { readonly kind: "missing" }
  /** The registry could not be asked; why. */
  | { readonly kind: "unknown"; readonly cause: string };

/** Looks a hash up, in one request; a registry that cannot be asked is an answer, too. */
export async function lookUp(
  registry: Registry,
  repository: RepositoryAddress,
  hash: string,
  signal?: AbortSignal,
): Promise<Existence> {
  try {
    const digest = await registry.findDigest(repository, hash, signal);
    return digest === undefined ? { kind: "missing" } : { kind: "stored", digest };
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "unknown", cause: error instanceof SlipwayError ? error.text : describeError(error) };
  }
}
