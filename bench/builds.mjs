// What figures of builds have in common: throw-away builders and a registry, Slipway's builds and those of plain buildx.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startBuildkit, startCountingProxy, startEnvironment, startRegistry } from "../tools/environment.mjs";

const require = createRequire(import.meta.url);
const { Image } = require("../dist/sdk/image.js");
const { publishImage } = require("../dist/provider/publish.js");
const { ImageProgram } = require("../dist/provider/program.js");
const { BuildkitBuilder } = require("../dist/provider/buildkit.js");
const { Leftovers } = require("../dist/provider/leftovers.js");
const { OciRegistry } = require("../dist/provider/oci-registry.js");
const { SharedBuilds } = require("../dist/provider/shared-builds.js");
const { readSettings } = require("../dist/provider/settings.js");

const run = promisify(execFile);
export { Image, SharedBuilds };
/** The base of all figures. */
export const BASE = "python:3.11-slim-bookworm";

const { env } = await startEnvironment();
Object.assign(process.env, env);
const { mirrors } = readSettings(process.env);
const mirrorRecord = Object.fromEntries(
  mirrors.map((/** @type {{ registry: string, place: string }} */ one) => [one.registry, one.place]),
);
export const folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-bench-")));
process.chdir(folder);
const own = await startRegistry({ root: join(folder, "registry") });
/** In front of the registry of this run. */
export const proxy = await startCountingProxy(own.address);
/** The same registry, where a proxy would be in the way of gigabytes. */
export const direct = own.address;
const registry = new OciRegistry({ findCredentials: async () => undefined });

/** @type {Set<{ stop: () => Promise<void> }>} */
const running = new Set();

/** Ends all that was started, and removes it. */
export async function endAll() {
  for (const one of running) await one.stop();
  proxy.stop();
  await own.stop();
  process.chdir("/");
  rmSync(folder, { recursive: true, force: true });
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void endAll().finally(() => process.exit(1)));

/** Where the base is: for plain builds, in words of a Dockerfile. */
export const plainBase = () => `${mirrorRecord["docker.io"] ?? "docker.io"}/library/${BASE}`;

/**
 * @typedef {object} Builder
 * @property {(compression: "gzip" | "zstd" | undefined) => any} slipway Slipway's builder
 * @property {(options: { dockerfile: string, args?: readonly string[] }) => Promise<string>} plain `buildx build` of a
 *   Dockerfile whose context is the working directory; returns what it printed
 * @property {() => Promise<void>} stop
 */
let count = 0;

/** An empty builder. @returns {Promise<Builder>} */
export async function startBuilder() {
  const root = join(folder, `builder-${(count += 1)}`);
  await run("sync", []); // Else it waits for what the one before wrote.
  const buildkit = await startBuildkit({ root, mirrors: mirrorRecord });
  const config = join(root, "buildx");
  mkdirSync(config);
  const own = { ...process.env, BUILDX_CONFIG: config, DOCKER_CONFIG: config, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };
  await run("buildx", ["create", "--name", "bench", "--driver", "remote", buildkit.endpoint], { env: own });
  const leftovers = new Leftovers(join(root, "temporary"));
  /** @type {Map<string | undefined, any>} */
  const made = new Map();
  const instance = {
    slipway: (/** @type {"gzip" | "zstd" | undefined} */ compression) => {
      // One for all builds of a process, as in the provider.
      const choice = { kind: /** @type {const} */ ("endpoint"), endpoint: buildkit.endpoint, compression };
      const builder = made.get(compression) ?? new BuildkitBuilder(choice, leftovers, process.env);
      made.set(compression, builder);
      return builder;
    },
    plain: async (/** @type {{ dockerfile: string, args?: readonly string[] }} */ { dockerfile, args = [] }) => {
      const all = ["build", "--builder", "bench", "--progress", "plain", ...args, "--file", "-", "."];
      const child = run("buildx", all, { env: own, maxBuffer: 2 ** 28 });
      child.child.stdin?.end(dockerfile);
      const { stdout, stderr } = await child;
      return stdout + stderr;
    },
    stop: async () => {
      running.delete(instance);
      await buildkit.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  running.add(instance);
  return instance;
}

/** Gives an empty builder to the work, and ends it. @template T @param {(builder: Builder) => Promise<T>} work */
export function withBuilder(work) {
  return withBuilders(1, (builderOf) => work(builderOf(0)));
}

/** @typedef {(number: number) => Builder} BuilderOf the builder of an image: they take turns */

/** Gives so many empty builders to the work, and ends them. @template T @param {number} size @param {(builderOf: BuilderOf) => Promise<T>} work */
export async function withBuilders(size, work) {
  const [first, ...others] = await Promise.all([startBuilder(), ...Array.from({ length: size - 1 }, startBuilder)]);
  try {
    return await work((number) => others[(number % size) - 1] ?? first);
  } finally {
    for (const one of [first, ...others]) await one.stop();
  }
}

/** A repository that holds nothing yet. */
export const newRepository = (host = proxy.host) => `${host}/bench/${(count += 1)}`;

/**
 * What `pulumi up` does for one image, without Pulumi: hash, look-ups, build, push, tag.
 * @param {any} image
 * @param {{ repository: string, builder: Builder, compression?: "gzip" | "zstd", more?: object, program?: any }} options
 */
export async function publish(image, { repository, builder, compression, more = {}, program = newProgram() }) {
  const { specs } = await program.resolve(image, ["linux/amd64"]);
  const [host = "", ...path] = repository.split("/");
  const made = builder.slipway(compression);
  return publishImage(registry, () => made, {
    specs,
    callSites: image.callSites,
    folder,
    mirrors,
    repository: { host, path: path.join("/") },
    secretPlaces: { folder, env: process.env, readConfig: () => undefined, hintConfig: () => "" },
    onProgress: () => {},
    signal: new AbortController().signal,
    ...more,
  });
}

/** The images of one program. */
export const newProgram = () => new ImageProgram({ folder, registry, mirrors });

/** @param {string} repository @returns {any} a program's places, with one repository */
export function placesOf(repository) {
  const [host, ...path] = repository.split("/");
  return { home: { registry, address: { host, path: path.join("/") } }, copies: [], sources: [] };
}

/**
 * Does the work, and tells on standard error how long it took.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<{ ms: number, value: T }>}
 */
export async function timed(name, work) {
  const start = performance.now();
  const value = await work();
  const ms = performance.now() - start;
  console.error(`  ${name}: ${seconds(ms)}`);
  return { ms, value };
}

/** Runs a program in an image, and returns what it printed. @param {Builder} builder @param {string} ref @param {readonly string[]} args */
export async function runIn(builder, ref, args) {
  const dockerfile = `FROM ${ref}\nRUN ${JSON.stringify(args)}\n`;
  const text = await builder.plain({ dockerfile, args: ["--no-cache", "--output", "type=cacheonly"] });
  return text
    .split("\n")
    .flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? [])
    .join("\n");
}

/** @param {number} bytes */
export const megabytes = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1e3).toFixed(2)} s`;
/** @param {readonly number[]} all in milliseconds */
export const range = (all) => `${(Math.min(...all) / 1e3).toFixed(2)}–${(Math.max(...all) / 1e3).toFixed(2)} s`;
