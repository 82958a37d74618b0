import * as pulumi from "@pulumi/pulumi";
import type { Platform } from "../sdk/platform";
import type { ResolvedSpec } from "../sdk/spec";
import type { SourceReport } from "../sdk/tree-report";
import { dockerCredentials } from "./credentials";
import type { Existence } from "./existence";
import { readAwsSettings } from "./aws-settings";
import { locateRepository, type FindEcr } from "./locate";
import type { LocatedRepository } from "./located";
import { findLockFile } from "./lock-file";
import { LockKeeper } from "./lock-keeper";
import { digestOf } from "./manifest";
import { onlyPlace, type Places } from "./place";
import type { PrefixPlan } from "./prefix";
import { ImageProgram, type PlainImage, type ResolvedImage, type ResolvedMounts } from "./program";
import { Registries } from "./registries";
import { findReferenceImage, type ReferenceImage } from "./reference-image";
import type { Registry } from "./registry";
import type { Repository } from "./repository";
import { hintConfig, readSecrets } from "./secret-store";
import { DEFAULT_REPOSITORY, readSettings, type Settings } from "./settings";
import { WrongImages } from "./wrong-images";

/** The lines of one resource. */
interface ImageReport extends SourceReport {
  readonly wrong: (error: unknown) => void;
}

/** What all BuiltImages of one run of a Pulumi program share. */
export interface Program {
  readonly settings: Settings;
  /** Where images go when their resource does not say; a warning, once, when nothing says. */
  defaultRepository(): string;
  readonly images: ImageProgram;
  /** Turns an Image into its hash; `report` tells on its resource of its files, and why that cannot be. */
  resolve(image: PlainImage, platforms: readonly Platform[], report: ImageReport): Promise<ResolvedImage>;
  /** Reads the local files of an Image's mounts; `report` tells as above. */
  resolveMounts(image: PlainImage, report: ImageReport): Promise<ResolvedMounts>;
  /** Lets what else is wrong with an image end the program, too. */
  watch<T>(work: Promise<T>, report: (error: unknown) => void): Promise<T>;
  /** Where a repository is: the first question to ECR, if it is there. */
  locate(repository: Repository): Promise<LocatedRepository>;
  exists(repository: LocatedRepository, hash: string): Promise<Existence>;
  /** Of an image that has to be built. */
  planPrefixes(repository: LocatedRepository, specs: readonly ResolvedSpec[]): Promise<PrefixPlan>;
  /** Throws where a secret is missing that a build needs. */
  checkSecrets(image: PlainImage): void;
  /** Each reference is asked for once. */
  findReference(reference: string): Promise<ReferenceImage>;
  /** Under mocks, in users' unit tests, nobody is asked. */
  readonly isMocked: boolean;
}

const programs = new WeakMap<object, Program>();

/** The program that runs right now: a process of the Automation API may run several, each with a monitor of its own. */
export function programOf(): Program {
  const run = pulumi.runtime.getMonitor() ?? programs;
  const known = programs.get(run);
  if (known !== undefined) return known;
  const program = makeProgram();
  programs.set(run, program);
  return program;
}

function makeProgram(): Program {
  const config = new pulumi.Config("slipway");
  const settings = readSettings(process.env, (name) => config.get(name));
  // Only a real run has an engine. Under mocks, in users' unit tests, nobody is asked.
  const isMocked = pulumi.runtime.getEngine() === undefined;
  const registries = new Registries(dockerCredentials(process.env));
  const registry: Registry = isMocked ? offline : registries.oci();
  const located = new Map<string, Promise<LocatedRepository>>();
  let isWarned = false;
  const warnOfDefault = (): string => {
    if (!isWarned) void pulumi.log.warn(`no repository is set, so images go to ${DEFAULT_REPOSITORY}`);
    isWarned = true;
    return DEFAULT_REPOSITORY;
  };
  const folder = process.cwd();
  const lockFile = isMocked ? undefined : findLockFile(folder);
  const images = new ImageProgram({
    folder,
    registry,
    mirrors: settings.mirrors,
    lock: lockFile?.lock,
    hashCache: isMocked ? undefined : settings.hashCache,
  });
  const wrong = new WrongImages();
  const keeper =
    lockFile &&
    new LockKeeper(lockFile, images, {
      mode: settings.lock,
      warn: (text) => void pulumi.log.warn(text),
      info: (text) => void pulumi.log.info(text),
    });
  const references = new Map<string, Promise<ReferenceImage>>();
  const placesOf = (repository: LocatedRepository): Places =>
    isMocked ? onlyPlace(offline, repository.repository) : registries.placesOf(repository);
  return {
    settings,
    defaultRepository: () => settings.repository ?? warnOfDefault(),
    images,
    resolve: (image, platforms, report) => {
      const resolved = wrong.watch(images.resolve(image, platforms, report), report.wrong);
      return keeper === undefined ? resolved : keeper.watch(resolved);
    },
    resolveMounts: (image, report) => wrong.watch(images.resolveMounts(image, report), report.wrong),
    watch: (work, report) => wrong.watch(work, report),
    locate: (repository) => {
      const key = JSON.stringify(repository);
      const readAws = () => readAwsSettings(process.env, (name) => new pulumi.Config("aws").get(name));
      const known = located.get(key) ?? locateRepository(repository, readAws(), ...(isMocked ? [findOffline] : []));
      located.set(key, known);
      return known;
    },
    exists: (repository, hash) => images.exists(placesOf(repository), hash),
    planPrefixes: (repository, specs) => images.planPrefixes(placesOf(repository), specs),
    checkSecrets: ({ spec, callSites, baseCallSite }) => {
      if (isMocked) return; // In a unit test nothing is built.
      const places = { folder: process.cwd(), env: process.env, readConfig, hintConfig };
      readSecrets(spec, callSites, places, baseCallSite);
    },
    findReference: (reference) => {
      const found = references.get(reference) ?? findReferenceImage(registry, settings.mirrors, reference);
      references.set(reference, found);
      return found;
    },
    isMocked,
  };
}

/** A key of the stack's config, as `Secret.fromConfig` names it. */
export function readConfig(key: string): string | undefined {
  const colon = key.lastIndexOf(":");
  return new pulumi.Config(colon < 0 ? undefined : key.slice(0, colon)).get(key.slice(colon + 1));
}

/** Knows every base, under a digest made of its name, and no image. */
const offline: Registry = {
  findDigest: () => Promise.resolve(undefined),
  fetchManifest: (repository, reference) => {
    const name = `${repository.host}/${repository.path}:${reference}`;
    const bytes = Buffer.from(JSON.stringify({ name, config: { digest: "" } }));
    const digest = digestOf(bytes);
    return Promise.resolve({ digest, mediaType: "application/vnd.oci.image.manifest.v1+json", bytes });
  },
  hasBlob: () => Promise.resolve(false),
  fetchBlob: () => Promise.resolve(Buffer.from("{}")),
  putBlob: () => Promise.resolve(),
  putManifest: () => Promise.resolve(),
};

/** In users' unit tests, where no service tells. */
const findOffline: FindEcr = ({ account = "123456789012", region }, name) =>
  Promise.resolve({ account, uri: `${account}.dkr.ecr.${region}.amazonaws.com/${name}` });
