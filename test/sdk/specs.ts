import { TreeHashes, resolveSpec, resolveSteps } from "../../sdk/resolve";
import { Image } from "../../sdk/image";
import {
  isDockerfileBase,
  type ResolvedDockerfileBase,
  type ResolvedImageBase,
  type ResolvedSpec,
  type ResolvedStep,
} from "../../sdk/spec";

export const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;
export const treeOf = (digit: string): string => digit.repeat(64);

/** A resolved spec of these steps, on a base and a platform that do not matter. */
export function specOf(steps: readonly ResolvedStep[], more: Partial<ResolvedSpec> = {}): ResolvedSpec {
  const base = { reference: "docker.io/library/python:3.11-slim-bookworm", digest: digestOf("a") };
  return { format: "image/v2", platform: "linux/amd64", base, steps, ...more };
}

/** A Dockerfile as a base, of which nothing but the text matters. */
export function importOf(text: string): ResolvedDockerfileBase {
  return {
    kind: "dockerfile",
    source: "Dockerfile",
    context: ".",
    text,
    buildArgs: {},
    reads: [],
    tree: treeOf("3"),
  };
}

/** The base of a spec that is no import. */
export function imageBase({ base }: ResolvedSpec): ResolvedImageBase {
  if (isDockerfileBase(base)) throw new Error(`${base.source} is a Dockerfile`);
  return base;
}

/** What the provider does with an image, without a registry. */
export async function resolveImage(image: Image, folder: string = process.cwd()): Promise<ResolvedSpec> {
  const steps = await resolveSteps(image.spec, image.callSites, new TreeHashes(folder));
  return resolveSpec(image.spec, steps, { platform: "linux/amd64", digest: digestOf("a") });
}

/** An image of a folder, and with names that languages sort and write in their own ways. */
export function awkwardImage(folder: string): Image {
  return Image.debianSlim("3.11")
    .env({ z: "ä", I: "ı", i: "İ", a: "1", B: "2", _: "3", aa: "4" })
    .addLocalDir(folder, "/app", { strategy: "copy" });
}
