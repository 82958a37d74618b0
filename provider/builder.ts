import type { ResolvedSpec } from "../sdk/spec";
import type { CallSite } from "../sdk/call-site";
import type { RepositoryAddress } from "./registry";
import type { SecretValue } from "./secret-store";

/** One platform's build. */
export interface BuildRequest {
  readonly spec: ResolvedSpec;
  /** Where each step was written, in the order of the spec's steps; shown when a step fails. */
  readonly callSites: readonly (CallSite | undefined)[];
  /** Where the Dockerfile was imported; shown when a line of it fails. */
  readonly baseCallSite?: CallSite | undefined;
  /** The program's folder, absolute: where the sources of the spec are. */
  readonly folder: string;
  /** What FROM names: the base by digest, at the place where it was found, or a prefix; none for a Dockerfile. */
  readonly from?: string;
  /** How many of the first steps, in emitted order, `from` has already. Default 0: it is the base. */
  readonly prefixSteps?: number;
  /** How many steps the image has of which this is a part, for the lines that tell of them. Default: the spec's. */
  readonly stepCount?: number | undefined;
  /** The names of the other images, by key: by digest, where they were found. */
  readonly images?: Readonly<Record<string, string>>;
  readonly repository: RepositoryAddress;
  /** Whose build it is, by which its cache is found again. */
  readonly owner?: string | undefined;
  /** Of all steps. */
  readonly secrets: readonly SecretValue[];
  readonly onProgress: (progress: BuildProgress) => void;
  readonly signal: AbortSignal;
}

/** How far a build is. */
export interface BuildProgress {
  /** For example `building 2/3: pipInstall requests`. */
  readonly text: string;
}

/** Runs builds. */
export interface Builder {
  /**
   * Builds an image and pushes it by digest; no tag is put.
   *
   * @returns the digest of the manifest that was pushed.
   * @throws SlipwayError BUILD_FAILED, BUILD_TIMEOUT, BUILD_CANCELLED, BUILDER_UNAVAILABLE, CONTEXT_CHANGED, LOCAL_PATH
   */
  build(request: BuildRequest): Promise<string>;

  /** The platforms of which it runs steps, by itself or by emulation; `undefined` where it does not tell. */
  readPlatforms(): Promise<readonly string[] | undefined>;
}
