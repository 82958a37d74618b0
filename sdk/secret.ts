import { checkList, checkNonEmpty, checkOptions, fail, type Call } from "./arguments";
import { readCallSite } from "./call-site";
import { toSource } from "./files";

/**
 * A value that a step needs while it runs and that stays out of the image, its hash and its history. This says where
 * the value comes from and never what it is: plain, frozen JSON, made by `Secret.fromEnv`, `.fromFile`, `.fromConfig`.
 */
export interface Secret {
  /** Its name in the build; with `env` and `version`, all of it that is identity. */
  readonly id: string;
  readonly from: SecretSource;
  /** The variable of the RUN that holds the value; without one, the file `/run/secrets/<id>` does. */
  readonly env?: string;
  /** Another one is another hash, so that what the secret fetched is fetched again. */
  readonly version?: string;
}

/** Where the value is when something is built. */
export type SecretSource =
  | { readonly kind: "env"; readonly name: string }
  /** Relative to the program's folder, `/`-separated; `~/…` is in the home folder of whoever builds. */
  | { readonly kind: "file"; readonly path: string }
  /** A key of the Pulumi stack's config, with its namespace where that is not the project's. */
  | { readonly kind: "config"; readonly key: string };

export interface SecretOptions {
  /** Its name in the build. Default: made of the variable's, the file's or the key's name. */
  readonly id?: string;
  /** A deliberate rebuild: another value of the secret alone never causes one. */
  readonly version?: string;
}

export interface ConfigSecretOptions extends SecretOptions {
  /** The variable that holds the value in the RUN, instead of the file `/run/secrets/<id>`. */
  readonly env?: string;
}

const NAME_HINT = "Give the name, never the value; what a secret is called is no secret.";

function fromEnv(name: string, options?: SecretOptions): Secret {
  const call = describeSecret("fromEnv", readCallSite());
  const variable = checkVariable(call, "the variable", name);
  return make(call, { from: { kind: "env", name: variable }, env: variable, name: variable }, options, []);
}

function fromFile(path: string | URL, options?: SecretOptions): Secret {
  const call = describeSecret("fromFile", readCallSite());
  const given = path instanceof URL ? path : checkNonEmpty(call, "the path", path);
  const isHome = typeof given === "string" && given.startsWith("~/");
  const source = isHome ? given : toSource(given, process.cwd());
  return make(call, { from: { kind: "file", path: source }, name: source.split("/").at(-1) ?? "" }, options, []);
}

function fromConfig(key: string, options?: ConfigSecretOptions): Secret {
  const call = describeSecret("fromConfig", readCallSite());
  const text = checkNonEmpty(call, "the key", key);
  if (!/^([\w.-]+:)?[\w.-]+$/.test(text)) {
    throw fail(call, "the key is not one of Pulumi's config.", `Write "pypiToken" or "namespace:key". ${NAME_HINT}`);
  }
  return make(call, { from: { kind: "config", key: text }, name: text.replace(/^.*:/, "") }, options, ["env"]);
}

/**
 * Values that steps need while they run, for example a token of a private index.
 *
 * - `fromEnv(name)`: an environment variable, which the RUN has under the same name.
 * - `fromFile(path)`: a file, in the RUN as `/run/secrets/<id>`. Relative to the program's folder; `~/` is the home folder.
 * - `fromConfig(key)`: a key of the Pulumi stack's config, encrypted (`pulumi config set --secret`) or not; in the RUN as
 *   `/run/secrets/<id>`, or as the variable that `env` names.
 *
 * The value is read when something is built. It is no part of the hash: another one builds nothing again, another
 * `version` does.
 *
 * @example
 * ```ts
 * Image.debianSlim("3.11").runCommands('curl -H "Authorization: Bearer $TOKEN" https://example.com/tool > /bin/tool', {
 *   secrets: [Secret.fromEnv("TOKEN")],
 * });
 * ```
 */
export const Secret = Object.freeze({ fromEnv, fromFile, fromConfig });

function describeSecret(method: string, callSite: string | undefined): Call {
  // Without the argument: somebody may have given a value for its name.
  return { text: `Secret.${method}(…)`, callSite };
}

function make(
  call: Call,
  { name, ...secret }: { readonly from: SecretSource; readonly env?: string; readonly name: string },
  options: unknown,
  more: readonly string[],
): Secret {
  const { id, version, env } = checkOptions(call, options, [...more, "id", "version"]);
  const derived = name.replace(/^\W+/, "").replace(/[^\w.-]/g, "-");
  const variable = env === undefined ? secret.env : checkVariable(call, "env", env);
  return Object.freeze({
    id: id === undefined ? checkWord(call, "the id", derived) : checkWord(call, "the id", id),
    from: Object.freeze(secret.from),
    ...(variable === undefined ? {} : { env: variable }),
    ...(version === undefined ? {} : { version: checkWord(call, "the version", version) }),
  });
}

function checkVariable(call: Call, name: string, value: unknown): string {
  if (typeof value === "string" && /^[A-Za-z_]\w*$/.test(value)) return value;
  throw fail(call, `${name} is not a variable's name.`, `Write "TOKEN". ${NAME_HINT}`);
}

/** What BuildKit, buildx and a path take as it is. */
function checkWord(call: Call, name: string, value: unknown): string {
  if (typeof value === "string" && /^(?!slipway-)\w[\w.-]{0,127}$/.test(value)) return value;
  throw fail(
    call,
    `${name} is not a word.`,
    "Use letters, digits, _ . and -, at most 128, not . or - first, nor slipway-.",
  );
}

/** Whether a value is a Secret, also one of another copy of Slipway or out of a Pulumi Output. */
export function isSecret(value: unknown): value is Secret {
  if (typeof value !== "object" || value === null || !("id" in value) || !("from" in value)) return false;
  const { id, from } = value;
  const kinds: readonly unknown[] = ["env", "file", "config"];
  return (
    typeof id === "string" && typeof from === "object" && from !== null && "kind" in from && kinds.includes(from.kind)
  );
}

/**
 * The `secrets` option of a step, sorted by id: their order is nothing that an image depends on.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function checkSecrets(call: Call, value: unknown): readonly Secret[] {
  if (value === undefined) return [];
  const secrets = checkList(call, "secrets", value, (name, element) => {
    if (isSecret(element)) return element;
    throw fail(call, `${name} is not a Secret.`, 'Write Secret.fromEnv("TOKEN"), .fromFile("…") or .fromConfig("…").');
  });
  const distinct = new Map(secrets.map((secret) => [JSON.stringify(secret), secret]));
  const sorted = [...distinct.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const [index, secret] of sorted.entries()) {
    const rest = sorted.slice(index + 1);
    if (rest.some(({ id }) => id === secret.id)) throw twice(call, `the id ${secret.id}`);
    if (secret.env !== undefined && rest.some(({ env }) => env === secret.env)) {
      throw twice(call, `the variable ${secret.env}`);
    }
  }
  return sorted;
}

/**
 * In one build an id has one value, whichever step uses it.
 *
 * @throws SlipwayError INVALID_ARGUMENT
 */
export function refuseOtherSource(call: Call, before: readonly Secret[], added: readonly Secret[]): void {
  for (const secret of added) {
    const other = before.find(({ id }) => id === secret.id);
    if (other === undefined || describeSource(other) === describeSource(secret)) continue;
    const found = `the secret ${secret.id} is ${describeSource(secret)}, and in an earlier step ${describeSource(other)}.`;
    throw fail(call, found, "Give one of them another id, by its options.");
  }
}

function twice(call: Call, what: string): Error {
  return fail(call, `two secrets have ${what}.`, "Give one of them another one, by its options.");
}

/** How a secret's source reads in a message. */
export function describeSource({ from }: Secret): string {
  switch (from.kind) {
    case "env":
      return `the environment variable ${from.name}`;
    case "file":
      return `the file ${from.path}`;
    case "config":
      return `the config key ${from.key}`;
  }
}

/** The shell variables that hold secrets. */
export function variablesOf(secrets: readonly Secret[]): readonly string[] {
  return secrets.flatMap(({ env }) => env ?? []);
}
