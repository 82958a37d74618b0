import { readFileSync } from "node:fs";
import type { CallSite } from "../../sdk/call-site";
import { SlipwayError } from "../../sdk/error";

/** What a call throws; fails when it throws nothing, or something else than a SlipwayError. */
export function errorOf(call: () => unknown): SlipwayError {
  try {
    call();
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** What a promise is rejected with; fails when it is not, or with something else than a SlipwayError. */
export async function rejectionOf(work: Promise<unknown>): Promise<SlipwayError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The sentences of a message, without the line of the call site. */
export function sentencesOf(call: () => unknown): string {
  return errorOf(call).message.replace(/\n {4}at .*$/, "");
}

/** The source line that an error's call site names. */
export function lineOf(error: SlipwayError): string {
  return lineAt(error.callSite);
}

/** The source line at a call site. */
export function lineAt(callSite: CallSite | undefined): string {
  const [, file = "", line = ""] = /^(.*):(\d+):\d+$/.exec(callSite ?? "") ?? [];
  return readFileSync(file, "utf8").split("\n")[Number(line) - 1] ?? "";
}
