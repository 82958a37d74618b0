import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readImage } from "./real-parts";

/** Places where a secret may have left something, by their names. */
export type Places = Readonly<Record<string, readonly (string | Buffer)[]>>;

/** A value that stands nowhere else. */
export function newCanary(name: string): string {
  return `canary-${name}-${randomBytes(9).toString("hex")}`;
}

/** The names of the places that hold a canary, in plain or as it is written elsewhere, with the canary's own name. */
export function findCanaries(canaries: readonly string[], places: Places): readonly string[] {
  const forms = canaries.flatMap((canary) => formsOf(canary).map((form) => ({ canary, form })));
  return Object.entries(places).flatMap(([place, contents]) => {
    const found = contents.flatMap((content) => forms.filter(({ form }) => content.includes(form)));
    return [...new Set(found.map(({ canary }) => `${place}: ${canary.split("-")[1]}`))];
  });
}

/** Plain, hexadecimal, and base64 at each of the three places where it may begin within a longer text (`user:password`). */
function formsOf(canary: string): readonly string[] {
  const encoded = ["", "x", "xx"].map((before) => {
    // What stands beside it changes the first and the last characters.
    return Buffer.from(`${before}${canary}`).toString("base64").slice(4, -4);
  });
  return [canary, Buffer.from(canary).toString("hex"), ...encoded];
}

/** Everything that a registry keeps of an image: manifest, config with its history, and layers, unpacked. */
export async function imagePlaces(ref: string): Promise<Places> {
  const { manifest, config } = await readImage(ref);
  const [place = ""] = ref.split("@");
  const [host = "", ...path] = place.split("/");
  const layers = manifest.layers.map(async ({ digest }) => {
    const response = await fetch(`http://${host}/v2/${path.join("/")}/blobs/${digest}`);
    return gunzipSync(Buffer.from(await response.arrayBuffer()));
  });
  return { manifest: [JSON.stringify(manifest)], config: [JSON.stringify(config)], layers: await Promise.all(layers) };
}

/** Every file under a folder, and their names. */
export function readFiles(folder: string): readonly (string | Buffer)[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return [...files, ...files.map((file) => readFileSync(file))];
}

/** Samples, while something runs, the arguments of the processes that begin on this machine, and the files under a folder. */
export async function watchTraces<T>(
  work: Promise<T>,
  folder: string,
): Promise<{ result: T; seen: readonly string[]; files: readonly (string | Buffer)[] }> {
  const seen = new Set<string>();
  const files = new Map<string, Buffer>();
  // There are hundreds, which nobody of ours started, and to read them all each time would slow down what is watched.
  const before = new Set(readProcessIds());
  const timer = setInterval(() => {
    for (const pid of readProcessIds()) if (!before.has(pid)) seen.add(readArguments(pid));
    sampleFiles(folder, files);
  }, 15);
  try {
    return { result: await work, seen: [...seen], files: [...files.keys(), ...files.values()] };
  } finally {
    clearInterval(timer);
  }
}

function readProcessIds(): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function sampleFiles(folder: string, files: Map<string, Buffer>): void {
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) files.set(path, readFileSync(path));
    }
  } catch {
    // Something went while it was looked at.
  }
}

function readArguments(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // It has ended.
  }
}
