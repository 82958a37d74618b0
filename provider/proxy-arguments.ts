import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import type { CallSite } from "../sdk/call-site";
import { argsOfSpec } from "../sdk/dockerfile-resolved";
import { SlipwayError } from "../sdk/error";
import { isDockerfileBase, type ResolvedSpec } from "../sdk/spec";

const proxySchema = v.object({
  httpProxy: v.optional(v.string()),
  httpsProxy: v.optional(v.string()),
  noProxy: v.optional(v.string()),
  ftpProxy: v.optional(v.string()),
});
const configSchema = v.object({ proxies: v.optional(v.record(v.string(), proxySchema)) });

/**
 * buildx gives the proxies of the Docker configuration to every build, as build arguments. Steps use them and no image has
 * them, unless an ARG takes one up: then it is in the history, with its password, and one hash is another image on each
 * machine.
 *
 * @throws SlipwayError INVALID_DOCKERFILE
 */
export async function refuseProxyArgs(
  spec: ResolvedSpec,
  env: NodeJS.ProcessEnv,
  callSite: CallSite | undefined,
): Promise<void> {
  const given = isDockerfileBase(spec.base) ? spec.base.buildArgs : {};
  const declared = argsOfSpec(spec);
  const open = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY"].filter(
    (name) => declared.has(name) && !Object.hasOwn(given, name),
  );
  if (open.length === 0) return;
  const file = join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
  const proxies = await readProxies(file);
  const name = open.find((one) => proxies.has(one));
  if (name === undefined) return;
  const place = isDockerfileBase(spec.base) ? spec.base.source : "dockerfileCommands";
  throw new SlipwayError({
    code: "INVALID_DOCKERFILE",
    text: `${place}: ARG ${name} would put the proxy of ${file} into the image, where no hash sees it.`,
    hint: `Leave the ARG out: RUN has the proxy without it. Or give fromDockerfile { buildArgs: { ${name}: "" } }.`,
    callSite,
  });
}

/** The names of the arguments that buildx makes of them (buildx, storeutil.GetProxyConfig). */
async function readProxies(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), configSchema), text);
  const all = parsed.success ? Object.values(parsed.output.proxies ?? {}) : [];
  return new Set(
    all.flatMap(({ httpProxy, httpsProxy, noProxy, ftpProxy }) => [
      ...(httpProxy ? ["HTTP_PROXY"] : []),
      ...(httpsProxy ? ["HTTPS_PROXY"] : []),
      ...(noProxy ? ["NO_PROXY"] : []),
      ...(ftpProxy ? ["FTP_PROXY"] : []),
    ]),
  );
}
