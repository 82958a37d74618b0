import * as v from "valibot";
import { SlipwayError } from "../sdk/error";
import type { Credentials, FindCredentials } from "./credentials";
import type { HeadResponse } from "./head-request";
import type { RepositoryAddress } from "./registry";
import { limitTime } from "./time-limit";

const tokenSchema = v.object({ token: v.optional(v.string()), access_token: v.optional(v.string()) });

/** How long a token may take. */
export interface TokenLimits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/**
 * Answers a registry's 401: by basic auth, or with a token of the server that it names
 * (https://distribution.github.io/distribution/spec/auth/token/). What worked is remembered for the next request.
 */
export class RegistryAuth {
  readonly #findCredentials: FindCredentials;
  readonly #headers = new Map<string, string>();

  constructor(findCredentials: FindCredentials) {
    this.#findCredentials = findCredentials;
  }

  /** The Authorization header that worked last time. */
  known(repository: RepositoryAddress, write: boolean): string | undefined {
    return this.#headers.get(keyOf(repository, write));
  }

  /** The header for the second try; `undefined` where there is nothing to answer with. */
  async answer(
    repository: RepositoryAddress,
    write: boolean,
    response: Pick<HeadResponse, "headers">,
    limits: TokenLimits,
  ): Promise<string | undefined> {
    this.#headers.delete(keyOf(repository, write));
    const challenge = parseChallenge(response.headers.get("www-authenticate") ?? "");
    const credentials = await this.#findCredentials(repository.host);
    const header =
      challenge.scheme === "bearer"
        ? await fetchToken(repository, write, challenge.fields, credentials, limits)
        : basic(credentials);
    if (header !== undefined) this.#headers.set(keyOf(repository, write), header);
    return header;
  }
}

/** ECR answers a token that has expired with 403 where others answer with 401. */
export async function isExpired(response: Pick<HeadResponse, "status" | "clone">): Promise<boolean> {
  if (response.status !== 403) return false;
  const text = await response
    .clone()
    .text()
    .catch(() => "");
  return /token has expired/i.test(text);
}

function keyOf(repository: RepositoryAddress, write: boolean): string {
  return `${repository.host}/${repository.path} ${write ? "push" : "pull"}`;
}

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== "password") return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

/** `Bearer realm="…",service="…",scope="…"` */
function parseChallenge(header: string): { scheme: string; fields: ReadonlyMap<string, string> } {
  const [, scheme = "", rest = ""] = /^\s*(\w+)\s*(.*)$/.exec(header) ?? [];
  const fields = [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value] as const);
  return { scheme: scheme.toLowerCase(), fields: new Map(fields) };
}

async function fetchToken(
  repository: RepositoryAddress,
  write: boolean,
  challenge: ReadonlyMap<string, string>,
  credentials: Credentials | undefined,
  limits: TokenLimits,
): Promise<string | undefined> {
  const realm = challenge.get("realm");
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  const scope = `repository:${repository.path}:${write ? "pull,push" : "pull"}`;
  const service = challenge.get("service") ?? "";
  const response =
    credentials?.kind === "identityToken"
      ? await refreshToken(realm, service, scope, credentials.token, limits)
      : await fetch(tokenUrl(realm, service, scope), { headers: authorization(credentials), ...withSignal(limits) });
  if (response.status === 401 || response.status === 403) {
    throw new SlipwayError({
      code: "REGISTRY_DENIED",
      text: `${repository.host}/${repository.path}: the token server of the registry refuses the login (${response.status}).`,
      hint: `Run docker login ${repository.host}.`,
    });
  }
  if (!response.ok) throw new Error(`the token server ${new URL(realm).host} answered with ${response.status}`);
  const { token, access_token: accessToken } = v.parse(tokenSchema, await response.json());
  const found = token ?? accessToken;
  return found === undefined ? undefined : `Bearer ${found}`;
}

function tokenUrl(realm: string, service: string, scope: string): URL {
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  url.searchParams.set("scope", scope);
  return url;
}

function refreshToken(
  realm: string,
  service: string,
  scope: string,
  token: string,
  limits: TokenLimits,
): Promise<Response> {
  const form = { grant_type: "refresh_token", refresh_token: token, client_id: "slipway", service, scope };
  return fetch(realm, { method: "POST", body: new URLSearchParams(form), ...withSignal(limits) });
}

function authorization(credentials: Credentials | undefined): Record<string, string> {
  const header = basic(credentials);
  return header === undefined ? {} : { authorization: header };
}

/** A token server that does not answer must not hold up a preview. */
function withSignal({ signal, timeoutMs }: TokenLimits): { signal: AbortSignal } {
  return { signal: limitTime(timeoutMs, signal) };
}
