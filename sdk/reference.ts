import { SlipwayError } from "./error";

/** A parsed image reference. Grammar: distribution's reference package (github.com/distribution/reference). */
export interface Reference {
  /** The registry, for example `docker.io` or `localhost:5000`. */
  readonly host: string;
  /** The repository's path in the registry, for example `library/python`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f0-9]{64}$/;

/**
 * Reads an image reference as Docker does: without a host it is one of docker.io's, without a tag or digest `latest`.
 *
 * `python:3.11` is `{ host: "docker.io", path: "library/python", tag: "3.11" }`.
 *
 * @throws SlipwayError INVALID_REFERENCE
 */
export function parseReference(text: string): Reference {
  if (text.includes("://")) throw invalid(`image reference ${JSON.stringify(text)}: it is a URL.`);
  const { name, tag, digest } = splitReference(text);
  const slash = name.indexOf("/");
  const first = name.slice(0, slash);
  const hasHost = slash > 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const host = hasHost ? (first === "index.docker.io" ? "docker.io" : first) : "docker.io";
  const rest = hasHost ? name.slice(slash + 1) : name;
  const path = host === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  checkParts(text, host, path);
  return {
    host,
    path,
    ...(digest === undefined ? { tag: tag ?? "latest" } : tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * Reads a repository: a host and a path, with neither tag nor digest.
 *
 * @throws SlipwayError INVALID_REFERENCE
 */
export function parseRepository(text: string): { readonly host: string; readonly path: string } {
  const hint = "Write <host>/<path>, for example localhost:5000/images.";
  if (text.includes("://")) throw invalid(`repository ${JSON.stringify(text)}: it is a URL.`, hint);
  const slash = text.indexOf("/");
  const host = text.slice(0, slash);
  if (slash <= 0 || !(/[.:]/.test(host) || host === "localhost")) {
    throw invalid(`repository ${JSON.stringify(text)}: it names no registry host.`, hint);
  }
  const path = text.slice(slash + 1);
  if (path.includes(":") || path.includes("@")) {
    throw invalid(`repository ${JSON.stringify(text)}: a repository carries neither tag nor digest.`, hint);
  }
  checkParts(text, host, path);
  return { host, path };
}

/** The reference in full, for example `docker.io/library/python:3.11`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.host}/${reference.path}${tag}${digest}`;
}

function splitReference(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw invalid(`image reference ${JSON.stringify(text)}: ${JSON.stringify(digest)} is not a sha256 digest.`);
  }
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(`image reference ${JSON.stringify(text)}: ${JSON.stringify(tag)} is not a tag.`);
  }
  return {
    name: colon < 0 ? beforeDigest : beforeDigest.slice(0, colon),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function checkParts(text: string, host: string, path: string): void {
  if (!HOST.test(host)) throw invalid(`reference ${JSON.stringify(text)}: ${JSON.stringify(host)} is not a host.`);
  const wrong = path.split("/").find((component) => !COMPONENT.test(component));
  if (wrong !== undefined || path.length > 255) {
    throw invalid(
      `reference ${JSON.stringify(text)}: ${JSON.stringify(wrong ?? path)} is not a repository path.`,
      "Paths are lower-case letters, digits and single . _ - between them.",
    );
  }
}

function invalid(
  text: string,
  hint = "Write [host/]path[:tag][@sha256:…], for example python:3.11-slim.",
): SlipwayError {
  return new SlipwayError({ code: "INVALID_REFERENCE", text, hint });
}
