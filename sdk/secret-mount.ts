import type { Secret } from "./secret";

/**
 * The flag of a RUN that has a secret. The value is in memory and in no layer; BuildKit's history does not show the
 * flag. A file is readable for everyone, or a step after `user` could not read it.
 */
export function renderSecretMount(secret: Secret): string {
  const { env } = secret;
  const place = env === undefined ? `target=${secretFile(secret)},mode=0444` : `env=${env}`;
  return `--mount=type=secret,id=${buildIdOf(secret)},${place},required=true`;
}

/** Where a step finds a secret that is no variable. */
export function secretFile({ id }: Secret): string {
  return `/run/secrets/${id}`;
}

/**
 * How BuildKit calls a secret. It takes the id for its cache and never the value: so the version is part of it, and
 * another version runs the step again.
 */
export function buildIdOf({ id, version }: Secret): string {
  return version === undefined ? id : `${id}@${version}`;
}
