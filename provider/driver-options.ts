import type { SecretSource } from "../sdk/secret";
import type { KubernetesChoice, TlsChoice } from "./builder-choice";

/** The arguments of `buildx create` for a driver's options, each a field as encoding/csv reads it. */
export function driverOptions(options: readonly string[]): readonly string[] {
  return options.flatMap((option) => ["--driver-opt", `"${option.replaceAll('"', '""')}"`]);
}

/** buildx's remote driver takes absolute paths. */
export function tlsOptions(
  { ca, cert, key, serverName }: TlsChoice,
  fileOf: (name: string, from: SecretSource) => string,
): readonly string[] {
  return [
    `cacert=${fileOf("tls.ca", ca)}`,
    ...(cert === undefined ? [] : [`cert=${fileOf("tls.cert", cert)}`]),
    ...(key === undefined ? [] : [`key=${fileOf("tls.key", key)}`]),
    ...(serverName === undefined ? [] : [`servername=${serverName}`]),
  ];
}

/**
 * The arguments of `buildx create` for each Deployment. A node's name becomes the Deployment's, so that the next program
 * finds it again.
 */
export function kubernetesNodes(choice: KubernetesChoice): readonly (readonly string[])[] {
  const { name, platforms } = choice;
  if (platforms === undefined) return [nodeArgs(name, choice, {})];
  return platforms.map((platform) => {
    const architecture = platform.replace(/^linux\//, "");
    const [machine = ""] = architecture.split("/");
    const node = `${name}-${architecture.replaceAll("/", "-")}`;
    return [...nodeArgs(node, choice, { "kubernetes.io/arch": machine }), "--platform", platform];
  });
}

function nodeArgs(
  node: string,
  choice: KubernetesChoice,
  architecture: Readonly<Record<string, string>>,
): readonly string[] {
  const { namespace, replicas = 1, image, rootless, serviceAccount, tolerations, requests, limits } = choice;
  const selector = Object.entries({ ...choice.nodeSelector, ...architecture }).map(([key, value]) => `${key}=${value}`);
  const one = (name: string, value: string | number | boolean | undefined): readonly string[] =>
    value === undefined || value === "" ? [] : [`${name}=${String(value)}`];
  const options = [
    ...one("namespace", namespace),
    ...one("replicas", replicas),
    // Else buildx chooses the pod by the folder in which it runs: one for all images of a program.
    ...one("loadbalance", replicas > 1 ? "random" : undefined),
    ...one("image", image),
    ...one("rootless", rootless),
    ...one("serviceaccount", serviceAccount),
    ...one("nodeselector", selector.join(",")),
    ...one("tolerations", (tolerations ?? []).map(tolerationText).join(";")),
    ...Object.entries(requests ?? {}).flatMap(([key, value]) => one(`requests.${resourceName(key)}`, value)),
    ...Object.entries(limits ?? {}).flatMap(([key, value]) => one(`limits.${resourceName(key)}`, value)),
  ];
  return ["--driver", "kubernetes", "--node", node, ...driverOptions(options)];
}

function tolerationText(toleration: Readonly<Record<string, string>>): string {
  return Object.entries(toleration)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function resourceName(key: string): string {
  return key === "ephemeralStorage" ? "ephemeral-storage" : key;
}
