import type { CallSite } from "./call-site";

/** Every code that a Slipway error can carry; docs/errors.md says what each one means. */
export const errorCodes = [
  "INVALID_ARGUMENT",
  "OUTPUT_AS_ARGUMENT",
  "LOCAL_PATH",
  "SECRET_MISSING",
  "INVALID_DOCKERFILE",
  "INVALID_REFERENCE",
  "BASE_UNAVAILABLE",
  "REGISTRY_UNAVAILABLE",
  "REGISTRY_DENIED",
  "REGISTRY_ANSWER",
  "AWS_CREDENTIALS",
  "REPOSITORY_MISSING",
  "REGISTRY_QUOTA",
  "IMAGE_ARCHIVED",
  "ENCRYPTION_KEY",
  "TAG_TAKEN",
  "NOT_STORED",
  "BUILDER_UNAVAILABLE",
  "PLATFORM_UNAVAILABLE",
  "BUILD_FAILED",
  "BUILD_TIMEOUT",
  "PREFIX_FAILED",
  "BUILD_CANCELLED",
  "CONTEXT_CHANGED",
  "HASH_MISMATCH",
  "LOCK_INVALID",
  "LOCK_INCOMPLETE",
  "PACKAGE_MISSING",
  "CLUSTER_UNAVAILABLE",
  "CLUSTER_DENIED",
  "CLUSTER_MISMATCH",
  "NODES_NOT_WARM",
  "PROGRAM_FILE",
  "USAGE",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorFacts {
  readonly code: ErrorCode;
  /** What we were doing and what we found. */
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** The user's own line. */
  readonly callSite?: CallSite | undefined;
}

/**
 * The one error that Slipway throws. Its message is complete: what was done, what was found, what to do, and the
 * user's own line.
 *
 * @example
 * ```ts
 * try {
 *   Image.debianSlim("3");
 * } catch (error) {
 *   if (error instanceof SlipwayError) console.log(error.code); // INVALID_ARGUMENT
 * }
 * ```
 */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  /** What was done and what was found, without the hint. */
  readonly text: string;
  readonly hint: string | undefined;
  readonly callSite: CallSite | undefined;
  /** Pulumi's mark of an error whose message says it all: it prints no stack for one (RunError.isInstance). */
  readonly __pulumiRunError = true;

  constructor(facts: ErrorFacts) {
    super(composeMessage(facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "SlipwayError";
    this.code = facts.code;
    this.text = hideCredentials(facts.text);
    this.hint = facts.hint;
    this.callSite = facts.callSite;
    keepMessage(this);
  }
}

/**
 * Keeps a message as it is: Pulumi writes `error serializing property "…":` into that of any error that an input ends
 * with (runtime/rpc.ts, serializeFilteredProperties).
 */
export function keepMessage(error: Error): void {
  const { message } = error;
  Object.defineProperty(error, "message", { get: () => message, set: () => {}, configurable: true });
}

function composeMessage(facts: ErrorFacts): string {
  const gap = facts.text.endsWith("\n") ? "" : " ";
  const hasHint = facts.hint !== undefined && facts.hint !== "";
  const sentences = hideCredentials(hasHint ? `${facts.text}${gap}${facts.hint}` : facts.text);
  return facts.callSite === undefined ? sentences : `${sentences}\n    at ${facts.callSite}`;
}

/** A text without what stands before the `@` of its URLs. */
export function hideCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s"]*@/g, "://…@");
}

/** The message of anything that was thrown, with the messages of its causes; one of ours has them already. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message === "" ? error.name : error.message;
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (cause === undefined || error instanceof SlipwayError) return own;
  const because = describeError(cause);
  return own.includes(because) ? own : `${own}: ${because}`;
}
