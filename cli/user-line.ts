import { dirname, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallSite } from "../sdk/call-site";

/** Slipway's own files. */
const OWN_FOLDER = `${dirname(__dirname)}${sep}`;

/** The first place in a stack that is neither Node's, nor Slipway's, nor a package's: the user's own line. */
export function findUserLine(stack: string | undefined): CallSite | undefined {
  return stack
    ?.split("\n")
    .map((line) => /(?:^|[\s(])((?:file:\/\/)?[^\s(][^(]*:\d+:\d+)\)?$/.exec(line)?.[1]?.replace(/^at (?:async )?/, ""))
    .filter((place) => place !== undefined)
    .map((place) => (place.startsWith("file://") ? fileURLToPath(place) : place))
    .find(
      (place) =>
        !place.startsWith("node:") && !place.includes(`${sep}node_modules${sep}`) && !place.startsWith(OWN_FOLDER),
    );
}
