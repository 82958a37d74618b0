import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { CallSite } from "../sdk/call-site";
import { describeError, SlipwayError } from "../sdk/error";
import { describeSource, type Secret } from "../sdk/secret";
import { buildIdOf } from "../sdk/secret-mount";
import type { ImageSpec, ResolvedSpec } from "../sdk/spec";
import { secretsOf } from "../sdk/step";

/** A secret with its value: never in a message, an argument of a process, or a state. */
export interface SecretValue {
  /** How the build calls it. */
  readonly id: string;
  readonly value: string;
  /** Where it is a file, absolute. */
  readonly path: string | undefined;
}

/** Where this process looks for what secrets name. */
export interface SecretPlaces {
  /** The program's folder, absolute. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** The home folder; default: the user's. */
  readonly home?: string;
  readonly readConfig: (key: string) => string | undefined;
  /** What to do where a config key is not set. */
  readonly hintConfig: (key: string) => string;
}

/** What of a spec may have secrets: an imported Dockerfile and the steps. */
export type SecretUsers = Pick<ImageSpec | ResolvedSpec, "base" | "steps">;

/**
 * The values of all secrets of an image, each once.
 *
 * @param callSites in the order of the steps.
 * @throws SlipwayError SECRET_MISSING, with everything that is missing
 */
export function readSecrets(
  { base, steps }: SecretUsers,
  callSites: readonly (CallSite | undefined)[],
  places: SecretPlaces,
  baseCallSite?: CallSite,
): readonly SecretValue[] {
  const values = new Map<string, SecretValue>();
  const missing = new Map<string, Missing>();
  const ofBase = typeof base === "object" && "secrets" in base ? (base.secrets ?? []) : [];
  const users = [
    { secrets: ofBase, callSite: baseCallSite },
    ...steps.map((step, index) => ({ secrets: secretsOf(step), callSite: callSites[index] })),
  ];
  for (const { secrets, callSite } of users) {
    for (const secret of secrets) {
      const id = buildIdOf(secret);
      const found = findSecret(secret, places);
      if ("value" in found) values.set(id, { id, ...found });
      else if (!missing.has(secret.id)) missing.set(secret.id, { ...found, callSite });
    }
  }
  const [first] = missing.values();
  if (first === undefined) return [...values.values()];
  throw new SlipwayError({
    code: "SECRET_MISSING",
    text: [...missing].map(([id, { problem }]) => `secret ${id}: ${problem}.`).join(" "),
    hint: [...new Set([...missing.values()].map(({ hint }) => hint))].join(" "),
    callSite: first.callSite,
  });
}

interface Missing {
  readonly problem: string;
  readonly hint: string;
  readonly callSite?: CallSite | undefined;
}

/** An empty value counts as missing: that is what CI gives for a secret that a run may not see. */
export function findSecret(secret: Secret, places: SecretPlaces): Omit<SecretValue, "id"> | Missing {
  const { from } = secret;
  switch (from.kind) {
    case "env": {
      const value = places.env[from.name] ?? "";
      if (value !== "") return { value, path: undefined };
      const problem = `${describeSource(secret)} is ${from.name in places.env ? "empty" : "not set"}`;
      return {
        problem,
        hint: "Set it where the command runs: what a Pulumi program sets itself, its build does not see.",
      };
    }
    case "file":
      return readFile(secret, localPath(from.path, places));
    case "config": {
      const value = places.readConfig(from.key) ?? "";
      if (value !== "") return { value, path: undefined };
      return { problem: `${describeSource(secret)} is not set`, hint: places.hintConfig(from.key) };
    }
  }
}

function readFile(secret: Secret, path: string): Omit<SecretValue, "id"> | Missing {
  const what = describeSource(secret);
  const hint = "Paths are relative to the program's folder, or begin with ~/ for the home folder.";
  try {
    if (!statSync(path).isFile()) return { problem: `${what} is no file (${path})`, hint };
    const value = readFileSync(path, "utf8");
    return value === "" ? { problem: `${what} is empty (${path})`, hint } : { value, path };
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ENOENT";
    const problem = isGone ? `does not exist (looked for ${path})` : `cannot be read: ${describeError(error)}`;
    return { problem: `${what} ${problem}`, hint };
  }
}

/** An absolute path; `~/` is the home folder. */
export function localPath(path: string, places: Pick<SecretPlaces, "folder" | "home">): string {
  return path.startsWith("~/") ? join(places.home ?? homedir(), path.slice(2)) : resolve(places.folder, path);
}

/** What to do in Pulumi where a config key is not set. */
export function hintConfig(key: string): string {
  return `Set it: pulumi config set --secret ${key}`;
}
