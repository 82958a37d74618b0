import * as pulumi from "@pulumi/pulumi";

/** Writes lines that stand beside one resource in Pulumi's display. */
export interface ResourceLog {
  /** A line that stays, under the resource's diagnostics. */
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** What happens right now; the next one takes its place, and the end of the update removes it. */
  status(text: string): void;
}

/** A log for the resource with this URN, registered or not yet. */
export function resourceLog(urn: string): ResourceLog {
  let made: pulumi.Resource | undefined;
  const resource = (): pulumi.Resource | undefined =>
    urn === "" ? undefined : (made ??= new pulumi.DependencyResource(urn));
  // Lines that cannot be delivered go to stderr (log/index.ts): a log never fails anything.
  return {
    info: (text) => void pulumi.log.info(text, resource()),
    warn: (text) => void pulumi.log.warn(text, resource()),
    error: (text) => void pulumi.log.error(text, resource()),
    status: (text) => void pulumi.log.info(text, resource(), undefined, true),
  };
}

/**
 * Connects this process, a dynamic provider's, with the engine that started it: its address is the first argument
 * (cmd/dynamic-provider). Without it, lines go to the stack.
 */
export function connectToEngine(engineAddress: string | undefined): void {
  if (engineAddress === undefined || !/^[\w.[\]:-]+:\d+$/.test(engineAddress)) return;
  pulumi.runtime.resetOptions(pulumi.getProject(), pulumi.getStack(), -1, engineAddress, "", false, "");
}
