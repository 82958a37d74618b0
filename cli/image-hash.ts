import { imageArgs, onlyImage, readPlatforms, type Command } from "./flags";
import { ImageLoader } from "./load-image";
import type { Terminal } from "./terminal";

/** `slipway image hash` */
export function imageHash(terminal: Terminal): Command<typeof imageArgs> {
  return {
    meta: {
      name: "hash",
      description: "Print an image's content hash. Asks a registry for the base, and for nothing else.",
    },
    args: imageArgs,
    example: "slipway image hash images.ts#api --platform linux/amd64,linux/arm64",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const { hash } = await new ImageLoader(terminal).load(onlyImage(args._), platforms);
      terminal.print(args.json ? `${JSON.stringify({ hash, platforms })}\n` : `${hash}\n`);
    },
  };
}
