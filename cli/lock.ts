import type { ArgsDef } from "citty";
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { findLockFile } from "../provider/lock-file";
import { checkLock, updateLock, type LockResult, type Upgrade } from "../provider/lock-update";
import type { PlainImage } from "../provider/program";
import { describeError, SlipwayError } from "../sdk/error";
import { formatLock, listLockChanges, LOCK_FILE_NAME, type LockChange } from "../sdk/lock";
import { formatReference, parseReference } from "../sdk/reference";
import { imageArgs, readPlatforms, type Command } from "./flags";
import { ImageLoader } from "./load-image";
import { selectImages } from "./select-images";
import type { Terminal } from "./terminal";

const lockArgs = {
  file: {
    type: "positional",
    required: false,
    description:
      "Files whose exported Images are meant, FILE or FILE#EXPORT, also patterns in quotes; after --upgrade references, too.",
  },
  platform: imageArgs.platform,
  upgrade: {
    type: "boolean",
    description: "Take bases as they are now: the references that are given, else those of the files, else all.",
  },
  check: { type: "boolean", description: "Write nothing, ask no registry, and fail when a base is not locked." },
  json: imageArgs.json,
} as const satisfies ArgsDef;

/** `slipway lock` */
export function lock(terminal: Terminal): Command<typeof lockArgs> {
  return {
    meta: { name: "lock", description: `Pin what Images are based on to digests, in ${LOCK_FILE_NAME}.` },
    args: lockArgs,
    example: "slipway lock images.ts --platform linux/amd64,linux/arm64",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const words = sortWords(args._, args.upgrade === true, terminal.cwd);
      const loader = new ImageLoader(terminal);
      const nameOf = (path: string): string => relative(terminal.cwd, path);
      if (args.check !== true) {
        const access = { platforms, registry: loader.registries.oci(), mirrors: loader.settings.mirrors };
        const upgrade = args.upgrade === true ? chooseUpgrade(words) : "none";
        for (const program of await loadPrograms(loader, words.files, terminal.cwd)) {
          const result = await updateLock({ ...program, ...access }, upgrade);
          terminal.print(describeResult(nameOf(result.path), result, args.json === true));
        }
        return;
      }
      if (args.upgrade === true) throw usage("--check writes nothing, and --upgrade does.", "Give one of them.");
      for (const program of await loadPrograms(loader, words.files, terminal.cwd)) {
        const { path, missing } = await checkLock({ ...program, platforms });
        if (missing.length > 0) throw incomplete(nameOf(path), missing, words.files);
        terminal.print(args.json ? `${JSON.stringify({ lock: nameOf(path), missing })}\n` : `lock  ${nameOf(path)}\n`);
      }
    },
  };
}

interface Words {
  readonly files: readonly string[];
  /** Canonical. */
  readonly references: readonly string[];
}

/** After `--upgrade` a word that is no file, and not named like one, is a reference. */
function sortWords(words: readonly string[], isUpgrade: boolean, cwd: string): Words {
  const isFile = (word: string): boolean => {
    const path = word.replace(/#[^#]*$/, "");
    return !isUpgrade || existsSync(resolve(cwd, path)) || /\.[cm]?[jt]sx?$/.test(path);
  };
  const files = words.filter(isFile);
  const references = words.filter((word) => !isFile(word)).map(readReference);
  if (files.length > 0 || isUpgrade) return { files, references };
  const hint = "Give the files that export Images. Those of a Pulumi program: SLIPWAY_LOCK=write pulumi preview.";
  throw usage("no file is given.", hint);
}

function readReference(word: string): string {
  try {
    return formatReference(parseReference(word));
  } catch (cause) {
    throw usage(`--upgrade: ${describeError(cause)}`, "", cause);
  }
}

function chooseUpgrade({ files, references }: Words): Upgrade {
  if (references.length > 0) return references;
  return files.length > 0 ? "used" : "all";
}

interface ProgramImages {
  readonly folder: string;
  readonly images: readonly PlainImage[];
}

/** The files' Images by their programs' folders; without files no Image, of the program where the user is. */
async function loadPrograms(
  loader: ImageLoader,
  files: readonly string[],
  cwd: string,
): Promise<readonly ProgramImages[]> {
  if (files.length === 0) {
    const { path, lock: found } = findLockFile(cwd);
    if (found === undefined) throw usage(`there is no ${path}.`, "Make it by slipway lock FILE…");
    return [{ folder: cwd, images: [] }];
  }
  const byFolder = new Map<string, readonly PlainImage[]>();
  // FILE alone is all that it exports.
  const { images, failures } = await selectImages(
    loader,
    files.map((file) => (/#[^#/]*$/.test(file) ? file : `${file}#*`)),
  );
  // A lock of a part of the files would look complete.
  for (const { error } of failures) throw error;
  for (const { folder, image } of images) {
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), image]);
  }
  return [...byFolder].map(([folder, own]) => ({ folder, images: own }));
}

function describeResult(name: string, { before, after }: LockResult, isJson: boolean): string {
  const changes = listLockChanges(before, after);
  if (isJson) return `${JSON.stringify({ lock: name, changes })}\n`;
  // An index may be another one though the images of our platforms are the same.
  const isSame = formatLock(before) === formatLock(after);
  return `lock      ${name}${isSame ? ", unchanged" : ""}\n${changes.map(describeChange).join("")}`;
}

function describeChange({ reference, platform, from, to }: LockChange): string {
  const base = `${reference} ${platform}`;
  if (from === undefined) return `added     ${base} ${to}\n`;
  return from === to ? `config    ${base}\n` : `upgraded  ${base} ${from} → ${to}\n`;
}

function incomplete(name: string, missing: readonly string[], files: readonly string[]): SlipwayError {
  const list = missing.map((base) => `  - ${base}`).join("\n");
  const text = `${name}: it does not have\n${list}\n`;
  const hint = `Run slipway lock ${files.join(" ")} and commit the file.`;
  return new SlipwayError({ code: "LOCK_INCOMPLETE", text, hint });
}

function usage(found: string, hint: string, cause?: unknown): SlipwayError {
  return new SlipwayError({ code: "USAGE", text: `slipway lock: ${found}`, hint, cause });
}
