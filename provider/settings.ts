import { isAbsolute, join } from "node:path";
import { SlipwayError } from "../sdk/error";
import { HashCache } from "../sdk/hash-cache";
import { compressions, type Compression } from "./builder-choice";
import type { Mirror } from "./mirrors";
import { parseMirrors } from "./mirrors";

/** Reads one setting of the Pulumi stack's `slipway:` configuration; the CLI has none. */
export type ReadConfig = (name: string) => string | undefined;

/** Whether a run only reads the lock, or writes what that lacks into it. */
export type LockMode = "read" | "write";

/** The settings of one run: Pulumi config before the environment. */
export interface Settings {
  readonly repository: string | undefined;
  readonly builder: string | undefined;
  /** A path: relative to the program's folder, or from `~/`. */
  readonly caBundle: string | undefined;
  /** Of layers that are built anew. */
  readonly compression: Compression | undefined;
  readonly mirrors: readonly Mirror[];
  readonly lock: LockMode;
  /** What is known of files' digests from earlier runs; none where it is off, or there is no place for it. */
  readonly hashCache: HashCache | undefined;
}

export const DEFAULT_REPOSITORY = "localhost:5000/images";

export function readSettings(env: NodeJS.ProcessEnv, readConfig: ReadConfig = () => undefined): Settings {
  const read = (name: string, variable: string): string | undefined => {
    const value = readConfig(name) ?? env[variable];
    return value === undefined || value.trim() === "" ? undefined : value.trim();
  };
  return {
    repository: read("repository", "SLIPWAY_REPOSITORY"),
    builder: read("builder", "SLIPWAY_BUILDER"),
    caBundle: read("caBundle", "SLIPWAY_CA_BUNDLE"),
    compression: parseCompression(
      read("compression", "SLIPWAY_COMPRESSION"),
      "slipway:compression or SLIPWAY_COMPRESSION",
    ),
    mirrors: parseMirrors(read("mirrors", "SLIPWAY_MIRRORS") ?? ""),
    lock: parseLockMode(env["SLIPWAY_LOCK"]?.trim() ?? ""),
    hashCache: findHashCache(env),
  };
}

/** @throws SlipwayError INVALID_ARGUMENT */
export function parseCompression(text: string | undefined, where: string): Compression | undefined {
  const found = compressions.find((name) => name === text);
  if (found !== undefined || text === undefined) return found;
  const wrong = `${where}: ${JSON.stringify(text)} is no compression of layers.`;
  throw new SlipwayError({ code: "INVALID_ARGUMENT", text: wrong, hint: "Write gzip or zstd, or unset it." });
}

function parseLockMode(text: string): LockMode {
  if (text === "") return "read";
  if (text === "write") return "write";
  const found = `SLIPWAY_LOCK: ${JSON.stringify(text)} is no way to use a lock.`;
  const hint = "SLIPWAY_LOCK=write records what a run resolves; unset it to read the lock.";
  throw new SlipwayError({ code: "INVALID_ARGUMENT", text: found, hint });
}

/** Among the user's caches: XDG Base Directory Specification, where a relative folder counts as none. */
function findHashCache(env: NodeJS.ProcessEnv): HashCache | undefined {
  const mode = env["SLIPWAY_HASH_CACHE"]?.trim() ?? "";
  if (mode === "off") return undefined;
  if (mode !== "" && mode !== "on") {
    const found = `SLIPWAY_HASH_CACHE: ${JSON.stringify(mode)} is neither on nor off.`;
    throw new SlipwayError({ code: "INVALID_ARGUMENT", text: found, hint: "Unset it, or set it to off." });
  }
  const [caches = "", home = ""] = [env["XDG_CACHE_HOME"], env["HOME"]];
  const folder = isAbsolute(caches) ? caches : isAbsolute(home) ? join(home, ".cache") : undefined;
  return folder === undefined ? undefined : new HashCache({ folder: join(folder, "slipway", "hashes") });
}
