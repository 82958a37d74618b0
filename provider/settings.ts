import type { Mirror } from "./mirrors";
import { parseMirrors } from "./mirrors";

/** Reads one setting of the Pulumi stack's `slipway:` configuration; the CLI has none. */
export type ReadConfig = (name: string) => string | undefined;

/** The settings of one run: Pulumi config before the environment. */
export interface Settings {
  readonly repository: string | undefined;
  readonly builder: string | undefined;
  readonly mirrors: readonly Mirror[];
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
    mirrors: parseMirrors(read("mirrors", "SLIPWAY_MIRRORS") ?? ""),
  };
}
