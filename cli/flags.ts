import type { ArgsDef, CommandDef } from "citty";
import { parseArgs } from "node:util";
import { describeError, SlipwayError } from "../sdk/error";
import { DEFAULT_PLATFORM, parsePlatforms, type Platform } from "../sdk/platform";

/** A command with an example, which its help shows. */
export type Command<T extends ArgsDef> = CommandDef<T> & { readonly example: string };

/** The argument and the flags that all commands on images have. */
export const imageArgs = {
  "file#export": {
    type: "positional",
    description:
      "A file and the Image that it exports; the name may be left out where there is one, or a default export.",
  },
  platform: {
    type: "string",
    valueHint: "os/architecture",
    description: `Several times, or separated by commas, for several platforms. Default ${DEFAULT_PLATFORM}.`,
  },
  json: { type: "boolean", description: "Print the result as JSON, and an error too." },
} as const satisfies ArgsDef;

/** Those of a command that takes several images. */
export const imagesArgs = {
  ...imageArgs,
  "file#export": {
    type: "positional",
    description: `${imageArgs["file#export"].description} Several, also by patterns in quotes; FILE#* is every Image of a file.`,
  },
  shard: {
    type: "string",
    valueHint: "part/parts",
    description: "One of several equal parts of the images, the same on every machine: 3/8.",
  },
} as const satisfies ArgsDef;

/** The platforms of all `--platform` flags; citty keeps the last one only. */
export function readPlatforms(rawArgs: readonly string[]): readonly Platform[] {
  const options = { platform: { type: "string", multiple: true } } as const;
  const { values } = parseArgs({ args: [...rawArgs], options, strict: false });
  const names = (values.platform ?? [DEFAULT_PLATFORM]).flatMap((value) => String(value).split(","));
  try {
    return parsePlatforms(names.map((name) => name.trim()));
  } catch (cause) {
    throw new SlipwayError({ code: "USAGE", text: `--platform: ${describeError(cause)}`, cause });
  }
}

/** The one FILE#EXPORT of a command that takes no more. */
export function onlyImage(positionals: readonly string[]): string {
  const [first = "", second] = positionals;
  if (second === undefined) return first;
  const hint = "Give one FILE#EXPORT; slipway image hash and build take several.";
  throw new SlipwayError({ code: "USAGE", text: `${second}: there is one image too many.`, hint });
}
