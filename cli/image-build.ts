import type { ArgsDef } from "citty";
import { resolve } from "node:path";
import { readAwsSettings } from "../provider/aws-settings";
import { compressions, parseBuilderChoice } from "../provider/builder-choice";
import { makeLimits } from "../provider/builder-limits";
import { Builders } from "../provider/builders";
import { parseEcrHost } from "../provider/ecr-address";
import { ecrRepository } from "../provider/ecr-repository";
import { Leftovers } from "../provider/leftovers";
import { locateRepository } from "../provider/locate";
import type { LocatedRepository } from "../provider/located";
import { ociRepository } from "../provider/repository";
import type { SecretPlaces } from "../provider/secret-store";
import { DEFAULT_REPOSITORY, parseCompression, type Settings } from "../provider/settings";
import { describeError, SlipwayError } from "../sdk/error";
import { parseRepository } from "../sdk/reference";
import { buildImages, type BuiltOutcome } from "./build-images";
import { imagesArgs, readPlatforms, type Command } from "./flags";
import { ImageLoader } from "./load-image";
import { selectImages } from "./select-images";
import { parseShard } from "./shard";
import { tellOutcomes } from "./tell-outcomes";
import type { Terminal } from "./terminal";

const buildArgs = {
  ...imagesArgs,
  repository: {
    type: "string",
    valueHint: "host/path",
    description: `Where images are stored. Default: SLIPWAY_REPOSITORY, then ${DEFAULT_REPOSITORY}.`,
  },
  builder: {
    type: "string",
    valueHint: "name|address",
    description:
      "A builder of buildx, or the address of a BuildKit. Default: SLIPWAY_BUILDER, then the current one of buildx.",
  },
  "ca-bundle": {
    type: "string",
    valueHint: "file",
    description: "Certificates (PEM) that steps trust while they run. Default: SLIPWAY_CA_BUNDLE.",
  },
  compression: {
    type: "string",
    valueHint: compressions.join("|"),
    description: "Of layers that are built anew. Default: SLIPWAY_COMPRESSION, then zstd.",
  },
} as const satisfies ArgsDef;

/** `slipway image build` */
export function imageBuild(terminal: Terminal): Command<typeof buildArgs> {
  return {
    meta: { name: "build", description: "Build images that the repository does not have, and print their references." },
    args: buildArgs,
    example: "slipway image build 'services/*/images.ts#*' --shard 3/8 --repository ghcr.io/acme/images",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const shard = args.shard === undefined ? undefined : parseShard(args.shard);
      const isJson = args.json === true;
      const loader = new ImageLoader(terminal);
      const { progress, registries, settings } = loader;
      const repository = chooseRepository(args.repository, settings, terminal);
      const leftovers = new Leftovers();
      leftovers.sweep();
      const signal = terminal.stopOnSignal(leftovers);
      const places = registries.placesOf(await locate(repository, terminal));
      const caBundle = chooseCaBundle(args["ca-bundle"], loader, terminal);
      const compression = parseCompression(args.compression, "--compression") ?? settings.compression;
      const choice = parseBuilderChoice(args.builder ?? settings.builder, { caBundle, compression });
      const builders = new Builders(leftovers, terminal.env, registries);
      try {
        const { images, failures, isOne } = await selectImages(loader, args._, shard);
        const outcomes = await buildImages(images, {
          loader,
          platforms,
          places,
          makeBuilder: (hosts) => builders.of(choice, hosts),
          limit: makeLimits()(choice),
          secretsIn: (folder) => ({ folder, env: terminal.env, ...configOf(terminal.env) }),
          signal,
        });
        const print = (name: string, { hash, digest, sizeBytes, reused }: BuiltOutcome): void => {
          const [uri, ref] = [`${repository}:${hash}`, `${repository}@${digest}`];
          const result = { image: name, hash, uri, ref, digest, sizeBytes, reused, platforms };
          terminal.print(isJson ? `${JSON.stringify(result)}\n` : describeResult(result));
        };
        return await tellOutcomes(outcomes, { terminal, progress, isJson, isOne, failures, print, signal });
      } finally {
        progress.end();
        leftovers.clear();
      }
    },
  };
}

/** The flag is relative to where the command runs, as arguments are. */
function chooseCaBundle(flag: string | undefined, { settings }: ImageLoader, { cwd }: Terminal): string | undefined {
  return flag === undefined || flag.startsWith("~/") ? (flag ?? settings.caBundle) : resolve(cwd, flag);
}

/** Outside of Pulumi a key of its config is a variable. */
function configOf(env: NodeJS.ProcessEnv): Pick<SecretPlaces, "readConfig" | "hintConfig"> {
  const nameOf = (key: string): string => `SLIPWAY_SECRET_${key.toUpperCase().replace(/\W/g, "_")}`;
  return {
    readConfig: (key) => env[nameOf(key)],
    hintConfig: (key) => `Outside of Pulumi it is the environment variable ${nameOf(key)}.`,
  };
}

/** A repository of ECR is known by its address. */
function locate(repository: string, terminal: Terminal): Promise<LocatedRepository> {
  const isEcr = parseEcrHost(parseRepository(repository).host) !== undefined;
  const aws = readAwsSettings(terminal.env, () => undefined);
  return locateRepository(isEcr ? ecrRepository({ url: repository, create: true }) : ociRepository(repository), aws);
}

function chooseRepository(flag: string | undefined, settings: Settings, terminal: Terminal): string {
  const chosen = flag ?? settings.repository;
  if (chosen === undefined) {
    terminal.report(`warning: no repository is set, so images go to ${DEFAULT_REPOSITORY}\n`);
    return DEFAULT_REPOSITORY;
  }
  try {
    parseRepository(chosen);
    return chosen;
  } catch (cause) {
    if (flag === undefined) throw cause;
    throw new SlipwayError({ code: "USAGE", text: `--repository: ${describeError(cause)}`, cause });
  }
}

interface Result {
  readonly image: string;
  readonly uri: string;
  readonly ref: string;
  readonly reused: boolean;
}

function describeResult({ image, uri, ref, reused }: Result): string {
  return `image   ${image}\nuri     ${uri}\nref     ${ref}\nreused  ${reused ? "yes" : "no"}\n`;
}
