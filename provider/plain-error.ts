import { SlipwayError } from "../sdk/error";

/** Pulumi shows an error's message and nothing else: one that is not ours keeps its stack there. */
export async function plainError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new Error(error instanceof Error ? (error.stack ?? error.message) : String(error), { cause: error });
  }
}
