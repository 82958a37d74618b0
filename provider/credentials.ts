import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { SlipwayError } from "../sdk/error";

/** What a registry is asked with. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, as `docker login` keeps for some registries. */
  | { readonly kind: "identityToken"; readonly token: string };

/** Finds the credentials for a registry's host; `undefined` means: ask without. */
export type FindCredentials = (host: string) => Promise<Credentials | undefined>;

const authSchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
});
const configSchema = v.object({
  auths: v.optional(v.record(v.string(), v.nullish(authSchema))),
  credHelpers: v.optional(v.record(v.string(), v.string())),
  credsStore: v.optional(v.string()),
});
const helperSchema = v.object({ Username: v.string(), Secret: v.string() });
const HELPER_TIMEOUT_MS = 30_000;

/**
 * The credentials of the user's Docker configuration: `credHelpers`, then `credsStore`, then `auths`, as Docker does
 * (cli/config/configfile). They are read anew each time, so that a login during a long run counts.
 */
export function dockerCredentials(env: NodeJS.ProcessEnv): FindCredentials {
  const file = join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
  return async (host) => {
    const config = await readConfig(file);
    if (config === undefined) return undefined;
    const names = namesOf(host);
    const helper = names.map((name) => config.credHelpers?.[name]).find((name) => name !== undefined);
    if (helper !== undefined) return askHelper(helper, host, env);
    if (config.credsStore !== undefined && config.credsStore !== "") {
      const found = await askHelper(config.credsStore, names[0] ?? host, env);
      if (found !== undefined) return found;
    }
    const auth = names.map((name) => config.auths?.[name]).find((entry) => entry !== undefined && entry !== null);
    return auth === undefined || auth === null ? undefined : readAuth(auth);
  };
}

async function readConfig(file: string): Promise<v.InferOutput<typeof configSchema> | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    return v.parse(configSchema, JSON.parse(text));
  } catch (cause) {
    throw new SlipwayError({
      code: "REGISTRY_DENIED",
      text: `${file}: it is not a Docker configuration.`,
      hint: "Mend it, or move it away and run docker login again.",
      cause,
    });
  }
}

/** Docker keeps Docker Hub's login under the address of its first registry. */
function namesOf(host: string): readonly string[] {
  const hub = ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"];
  return hub.includes(host)
    ? hub
    : [host, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
}

function readAuth(auth: v.InferOutput<typeof authSchema>): Credentials | undefined {
  if (auth.identitytoken !== undefined && auth.identitytoken !== "") {
    return { kind: "identityToken", token: auth.identitytoken };
  }
  if (auth.username !== undefined && auth.password !== undefined) {
    return { kind: "password", username: auth.username, password: auth.password };
  }
  const decoded = Buffer.from(auth.auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon <= 0) return undefined;
  return { kind: "password", username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** The protocol of docker-credential-helpers: the host on stdin, JSON on stdout; failure means "none". */
async function askHelper(name: string, host: string, env: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
  const output = await new Promise<string | undefined>((resolve) => {
    const child = spawn(`docker-credential-${name}`, ["get"], {
      env,
      stdio: ["pipe", "pipe", "ignore"],
      timeout: HELPER_TIMEOUT_MS,
    });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => resolve(code === 0 ? text : undefined));
    child.stdin.on("error", () => undefined);
    child.stdin.end(host);
  });
  if (output === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), helperSchema), output);
  if (!parsed.success) return undefined;
  const { Username: username, Secret: secret } = parsed.output;
  return username === "<token>"
    ? { kind: "identityToken", token: secret }
    : { kind: "password", username, password: secret };
}
