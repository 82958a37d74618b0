import { SlipwayError } from "../sdk/error";
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
  readonly mirrors: readonly Mirror[];
  readonly lock: LockMode;
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
    mirrors: parseMirrors(read("mirrors", "SLIPWAY_MIRRORS") ?? ""),
    lock: parseLockMode(env["SLIPWAY_LOCK"]?.trim() ?? ""),
  };
}

function parseLockMode(text: string): LockMode {
  if (text === "") return "read";
  if (text === "write") return "write";
  const found = `SLIPWAY_LOCK: ${JSON.stringify(text)} is no way to use a lock.`;
  const hint = "SLIPWAY_LOCK=write records what a run resolves; unset it to read the lock.";
  throw new SlipwayError({ code: "INVALID_ARGUMENT", text: found, hint });
}
