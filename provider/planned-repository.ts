import * as pulumi from "@pulumi/pulumi";
import { describeError } from "../sdk/error";
import * as v from "valibot";
import { fromOutput, plainly, type Later } from "./later";
import type { LocatedRepository } from "./located";
import type { Program } from "./pulumi-program";
import type { Repository } from "./repository";
import { resourceLog } from "./resource-log";

/**
 * Where a repository is. While one of its values is not known, or when a preview cannot ask for them, it is not known
 * either, and the resource's line says why; an update ends with the error.
 */
export function planRepository(
  repository: Repository,
  program: Pick<Program, "locate" | "watch">,
  urn: Promise<string>,
  describe: (error: unknown) => string,
): Later<LocatedRepository> {
  const locate = async (plain: Repository): Promise<LocatedRepository> => {
    const log = resourceLog(await urn);
    const work = program.locate(plain);
    const failure = pulumi.runtime.isDryRun() ? await failureOf(work) : undefined;
    if (failure === undefined || isWrongArgument(failure)) {
      return program.watch(work, (error) => log.error(describe(error)));
    }
    log.warn(`where the repository is is not known in this preview: ${describeError(failure)}`);
    return v.parse(unknownRepository, pulumi.unknown);
  };
  // Nobody has to be asked, so nothing stays unknown.
  if (repository.kind === "oci" && typeof repository.url === "string") return plainly(locate(repository));
  return fromOutput(pulumi.output(repository).apply(locate));
}

/** Pulumi's mark of a value that is not known: whoever applies to it is not called. */
const unknownRepository = v.custom<LocatedRepository>((value) => pulumi.isUnknown(value));

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What no credentials and no network would mend. */
function isWrongArgument(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "INVALID_ARGUMENT" || error.code === "INVALID_REFERENCE")
  );
}
