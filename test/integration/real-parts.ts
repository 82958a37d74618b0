import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { findPlace } from "../../provider/base";
import type { BuildRequest } from "../../provider/builder";
import { BuildkitBuilder, type BuildkitOptions } from "../../provider/buildkit";
import { parseBuilderChoice, type BuilderSettings } from "../../provider/builder-choice";
import { dockerCredentials } from "../../provider/credentials";
import { Leftovers } from "../../provider/leftovers";
import type { Mirror } from "../../provider/mirrors";
import { OciRegistry } from "../../provider/oci-registry";
import type { PrefixPlan } from "../../provider/prefix";
import { ImageProgram, type ResolvedImage } from "../../provider/program";
import { publishImage, type PublishedImage } from "../../provider/publish";
import type { Manifest, Registry } from "../../provider/registry";
import { readSecrets, type SecretPlaces } from "../../provider/secret-store";
import { readSettings } from "../../provider/settings";
import type { Image } from "../../sdk/image";
import type { Platform } from "../../sdk/platform";
import { parseRepository } from "../../sdk/reference";

/** The registry of the local environment, and every other one that asks for no login. */
export const registry = new OciRegistry({ findCredentials: dockerCredentials({ DOCKER_CONFIG: "/nowhere" }) });

/** Where the local environment keeps images. */
const registryHost = (process.env["SLIPWAY_REPOSITORY"] ?? "localhost:5000/images").split("/")[0] ?? "";

/** The address of the local environment's BuildKit, or the name of a builder. */
export const environmentBuilder = process.env["SLIPWAY_BUILDER"];

/** Hash and specs of an image as a program in the working directory gets them, and where its base is. */
export async function resolveImage(
  image: Image,
  platforms: readonly Platform[] = ["linux/amd64"],
): Promise<ResolvedImage & { readonly basePlace: string }> {
  const { mirrors } = readSettings(process.env);
  const resolved = await new ImageProgram({ folder: process.cwd(), registry, mirrors }).resolve(image, platforms);
  const [base] = resolved.specs.map((spec) => spec.base);
  if (base === undefined || !("digest" in base)) return { ...resolved, basePlace: "" };
  const place = await findPlace(registry, mirrors, base);
  return { ...resolved, basePlace: `${place.host}/${place.path}` };
}

export interface PublishOptions {
  /** `host/path`. Default: one that no other test has. */
  readonly repository?: string;
  readonly builder?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly caBundle?: string;
  readonly compression?: "gzip" | "zstd";
  /** What else is said of the builder. */
  readonly settings?: BuilderSettings;
  /** Whose cache it is. */
  readonly owner?: string;
  readonly platforms?: readonly Platform[];
  readonly prefixes?: PrefixPlan;
  /** Where it is committed. Default: `registry`. */
  readonly registry?: Registry;
  readonly mirrors?: readonly Mirror[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
}

/** An image in the registry, as a test looks at it. */
export interface Published extends PublishedImage {
  readonly hash: string;
  /** By digest. */
  readonly ref: string;
  readonly repository: string;
}

/** Publishes an image as `pulumi up` does: what was copied is read from the working directory. */
export async function publish(image: Image, options: PublishOptions = {}): Promise<Published> {
  const folder = process.cwd();
  const { specs, hash } = await resolveImage(image, options.platforms);
  const { repository = newRepository(), env = process.env } = options;
  const { builder } = makeBuilder({ ...options, builder: options.builder ?? environmentBuilder, env });
  const published = await publishImage(options.registry ?? registry, () => builder, {
    specs,
    callSites: image.callSites,
    folder,
    baseCallSite: image.baseCallSite,
    mirrors: options.mirrors ?? readSettings(process.env).mirrors,
    prefixes: options.prefixes,
    repository: parseRepository(repository),
    owner: options.owner ?? "",
    secretPlaces: placesIn(folder, env),
    onProgress: ({ text }) => options.onProgress?.(text),
    signal: options.signal ?? new AbortController().signal,
  });
  return { ...published, hash, repository, ref: `${repository}@${published.digest}` };
}

/** A builder whose temporary folder a test can look into. */
export function makeBuilder({
  builder,
  env = process.env,
  caBundle,
  compression,
  settings = {},
  options = {},
}: {
  builder: string | undefined;
  env?: NodeJS.ProcessEnv;
  caBundle?: string;
  compression?: "gzip" | "zstd";
  settings?: BuilderSettings;
  options?: BuildkitOptions;
}) {
  const folder = newFolder();
  const choice = { ...parseBuilderChoice(builder, { caBundle, compression }), ...settings };
  return { builder: new BuildkitBuilder(choice, new Leftovers(folder), env, options), folder };
}

/** A build without the questions to the registry that come before it. */
export async function requestFor(image: Image, repository = newRepository()): Promise<BuildRequest> {
  const { specs, basePlace } = await resolveImage(image);
  const [spec] = specs;
  if (spec === undefined) throw new Error("there is no platform");
  return {
    spec,
    callSites: image.callSites,
    folder: process.cwd(),
    ...("digest" in spec.base ? { from: `${basePlace}@${spec.base.digest}` } : {}),
    repository: parseRepository(repository),
    secrets: readSecrets(spec, image.callSites, placesIn(process.cwd(), process.env)),
    onProgress: () => undefined,
    signal: new AbortController().signal,
  };
}

/** Config keys are variables whose name begins with `CONFIG_`. */
function placesIn(folder: string, env: NodeJS.ProcessEnv): SecretPlaces {
  return { folder, env, readConfig: (key) => env[`CONFIG_${key}`], hintConfig: (key) => `Set CONFIG_${key}.` };
}

export function newRepository(): string {
  return `${registryHost}/test/${newName()}`;
}

/** A name, also of a repository, that no test had before. */
export function newName(): string {
  return `${Date.now().toString(36)}-${process.pid}-${(counter += 1)}`;
}
let counter = 0;

/** A folder that is gone when the test has ended. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the registry keeps of an image: its manifest and its config, as JSON. */
export async function readImage(ref: string) {
  const [place = "", digest = ""] = ref.split("@");
  const manifest = await registry.fetchManifest(parseRepository(place), digest);
  if (manifest === undefined) throw new Error(`${ref} is not there`);
  const content = parseManifest(manifest);
  const [host = "", ...path] = place.split("/");
  const response = await fetch(`http://${host}/v2/${path.join("/")}/blobs/${content.config.digest}`);
  const config: ImageConfig = JSON.parse(await response.text());
  return { manifest: content, config };
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface ManifestContent {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}
interface ImageConfig {
  readonly architecture: string;
  readonly created: string;
  readonly config: {
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly User?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
  };
  readonly history: readonly { readonly created_by?: string; readonly created?: string }[];
}

function parseManifest(manifest: Manifest): ManifestContent {
  return JSON.parse(manifest.bytes.toString("utf8"));
}
