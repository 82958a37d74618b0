import type { ResolvedMounts } from "../provider/program";
import { imageArgs, onlyImage, readPlatforms, type Command } from "./flags";
import { withLoader } from "./load-image";
import type { Terminal } from "./terminal";

/** `slipway image hash` */
export function imageHash(terminal: Terminal): Command<typeof imageArgs> {
  return {
    meta: {
      name: "hash",
      description:
        "Print an image's content hash. Asks a registry for a base that is not locked, and for nothing else.",
    },
    args: imageArgs,
    example: "slipway image hash images.ts#api --platform linux/amd64,linux/arm64",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const { loaded, mounts } = await withLoader(terminal, async (loader) => {
        const image = await loader.load(onlyImage(args._), platforms);
        return { loaded: image, mounts: await loader.loadMounts(image) };
      });
      const result = { hash: loaded.hash, platforms, mounts: describeMounts(mounts) };
      terminal.print(args.json ? `${JSON.stringify(result)}\n` : `${loaded.hash}\n`);
      // Beside the result: a script that reads one hash from stdout gets one.
      if (!args.json) terminal.report(reportMounts(mounts));
    },
  };
}

/** What of the mounts is content: the same on every machine. */
function describeMounts({ hash, mounts }: ResolvedMounts): unknown {
  return { hash, files: mounts.map(({ source, destination, tree }) => ({ source, destination, tree })) };
}

function reportMounts({ hash, mounts }: ResolvedMounts): string {
  if (mounts.length === 0) return "";
  const lines = mounts.map(({ source, destination }) => `  ${source} → ${destination}\n`);
  return `mounts ${hash}, not in the image:\n${lines.join("")}`;
}
