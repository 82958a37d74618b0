import type { ResolvedMounts } from "../provider/program";
import { imagesArgs, readPlatforms, type Command } from "./flags";
import { withLoader, type LoadedImage } from "./load-image";
import { selectImages, type DeclaredImage } from "./select-images";
import { parseShard } from "./shard";
import { settle, tellOutcomes } from "./tell-outcomes";
import type { Terminal } from "./terminal";

/** `slipway image hash` */
export function imageHash(terminal: Terminal): Command<typeof imagesArgs> {
  return {
    meta: {
      name: "hash",
      description: "Print images' content hashes. Asks a registry for a base that is not locked, and for nothing else.",
    },
    args: imagesArgs,
    example: "slipway image hash images.ts#api --platform linux/amd64,linux/arm64",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const shard = args.shard === undefined ? undefined : parseShard(args.shard);
      const isJson = args.json === true;
      return await withLoader(terminal, async (loader) => {
        const { progress } = loader;
        const { images, failures, isOne } = await selectImages(loader, args._, shard);
        const hash = async (declared: DeclaredImage): Promise<Hashed> => {
          const loaded = await loader.resolve(declared, platforms);
          return { loaded, mounts: await loader.loadMounts(loaded) };
        };
        const print = (name: string, { loaded, mounts }: Hashed): void => {
          const result = { image: name, hash: loaded.hash, platforms, mounts: describeMounts(mounts) };
          if (isJson) return terminal.print(`${JSON.stringify(result)}\n`);
          // A script that reads one hash from stdout gets one; what is mounted stands beside it.
          terminal.print(isOne ? `${loaded.hash}\n` : `${loaded.hash}  ${name}\n`);
          terminal.report(reportMounts(mounts));
        };
        const outcomes = images.map((declared) => settle(declared.name, hash(declared)));
        return tellOutcomes(outcomes, { terminal, progress, isJson, isOne, failures, print });
      });
    },
  };
}

interface Hashed {
  readonly loaded: LoadedImage;
  readonly mounts: ResolvedMounts;
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
