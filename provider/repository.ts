import type { Input } from "@pulumi/pulumi";
import { describeCall, fail, type Call } from "../sdk/arguments";
import { readCallSite } from "../sdk/call-site";
import { describeError } from "../sdk/error";
import { parseRepository } from "../sdk/reference";
import type { EcrRepository } from "./ecr-repository";

/** Where images live. Made by {@link ociRepository} or {@link ecrRepository}. */
export type Repository = OciRepository | EcrRepository;

/** A repository of any registry of the OCI distribution protocol. Made by {@link ociRepository}. */
export interface OciRepository {
  readonly kind: "oci";
  readonly url: Input<string>;
  /** Ask a host other than this machine by plain HTTP. */
  readonly insecure: boolean;
}

export interface OciRepositoryOptions {
  /** Ask the registry by plain HTTP. It is never done unasked, but for the loopback interface. Default `false`. */
  readonly insecure?: boolean;
}

/**
 * A repository of any registry that speaks the OCI distribution protocol. Logins come from the user's Docker
 * configuration (`docker login`).
 *
 * @param url `host/path` without a tag, for example `ghcr.io/acme/images`; may be an Output.
 * @throws SlipwayError INVALID_REFERENCE
 * @example
 * ```ts
 * const repository = ociRepository("localhost:5000/images");
 * ```
 */
export function ociRepository(url: Input<string>, options: OciRepositoryOptions = {}): OciRepository {
  if (typeof url === "string") {
    checkAddress({ text: describeCall("ociRepository", url), callSite: readCallSite(ociRepository) }, url);
  }
  return makeOciRepository(url, options);
}

/** Recognised by its shape: `pulumi.output` strips classes and symbols. */
export function isRepository(value: unknown): value is Repository {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return (value.kind === "oci" && "url" in value) || (value.kind === "ecr" && "args" in value);
}

/**
 * What an argument takes for a repository: one, or the address of one of the OCI protocol.
 *
 * @throws SlipwayError INVALID_REFERENCE
 */
export function readRepository(call: Call, given: Repository | Input<string>): Repository {
  if (isRepository(given)) return given;
  if (typeof given === "string") checkAddress(call, given);
  return makeOciRepository(given);
}

function makeOciRepository(url: Input<string>, options: OciRepositoryOptions = {}): OciRepository {
  return Object.freeze({ kind: "oci", url, insecure: options.insecure === true });
}

function checkAddress(call: Call, address: string): void {
  try {
    parseRepository(address);
  } catch (error) {
    throw fail(call, describeError(error), "", "INVALID_REFERENCE");
  }
}
