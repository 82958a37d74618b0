import { createHash } from "node:crypto";
import { hashEntries } from "../../sdk/files";
import { hashMounts, hashSpec } from "../../sdk/hash";
import { isDockerfileBase, type ResolvedSpec } from "../../sdk/spec";
import type { Hashing } from "./edits";
import type { TreeItem } from "./tree-edits";

/** The sdk's hash. */
export const sound: Hashing = {
  spec: hashSpec,
  mounts: hashMounts,
  tree: (items) => hashEntries(inOrder(items).map(toEntry)),
};

/** Hashes with one mistake each, which others made before. */
export const broken = {
  /** All texts one after the other: nothing says where one ends. */
  unframed: {
    spec: (spec) =>
      sha256Of(
        textsOf([isDockerfileBase(spec.base) ? spec.base : spec.base.digest, spec.platform, spec.steps]).join(""),
      ),
    mounts: (mounts) => sha256Of(textsOf(mounts.map(({ destination, tree }) => [destination, tree])).join("")),
    tree: (items) => {
      const hash = createHash("sha256");
      for (const item of inOrder(items)) {
        hash.update(item.path);
        if (item.type === "file") hash.update(item.executable ? "x" : "").update(item.bytes);
        else if (item.type === "link") hash.update(item.target);
      }
      return hash.digest("hex");
    },
  },
  "exec bit ignored": {
    ...sound,
    tree: (items) => sound.tree(items.map((item) => (item.type === "file" ? { ...item, executable: false } : item))),
  },
  /** Of each character only eight bits are hashed. */
  "text as latin-1": {
    spec: (spec) => createHash("sha256").update(JSON.stringify(spec), "latin1").digest("hex"),
    mounts: (mounts) => createHash("sha256").update(JSON.stringify(mounts), "latin1").digest("hex"),
    tree: (items) => {
      const text = inOrder(items).map((item) => JSON.stringify(toEntry(item)));
      return createHash("sha256").update(text.join("\n"), "latin1").digest("hex");
    },
  },
  /** Every byte that is no UTF-8, E8 as well as E9, becomes U+FFFD. */
  "file bytes as text": {
    ...sound,
    tree: (items) =>
      sound.tree(
        items.map((item) =>
          item.type === "file" ? { ...item, bytes: Buffer.from(item.bytes.toString("utf8"), "utf8") } : item,
        ),
      ),
  },
  "here-documents left out": {
    ...sound,
    spec: (spec) => hashSpec(withText(spec, (text) => text.replace(/(<<-?'?(\w+)'?.*)\n[^]*?^\2$/gm, "$1\n$2"))),
  },
  /** Each image by what the Dockerfile calls it. */
  "names for digests": {
    ...sound,
    spec: (spec) => {
      const images = Object.entries(spec.images ?? {}).map(([name]) => [name, `sha256:${sha256Of(name)}`]);
      return hashSpec({ ...spec, images: Object.fromEntries(images) });
    },
  },
  /** Whether the target needs its stages or not. */
  "the whole file": {
    ...sound,
    spec: (spec) => sha256Of(hashSpec(spec) + (isDockerfileBase(spec.base) ? spec.base.text : "")),
  },
} satisfies Record<string, Hashing>;

function withText(spec: ResolvedSpec, change: (text: string) => string): ResolvedSpec {
  const { base } = spec;
  return isDockerfileBase(base) ? { ...spec, base: { ...base, text: change(base.text) } } : spec;
}

function toEntry(item: TreeItem): Parameters<typeof hashEntries>[0][number] {
  if (item.type !== "file") return item;
  return { type: "file", path: item.path, executable: item.executable, sha256: sha256Of(item.bytes) };
}

/** In the order in which a folder is listed. */
function inOrder(items: readonly TreeItem[]): readonly TreeItem[] {
  return items
    .map((item) => ({ item, key: Buffer.from(item.path) }))
    .sort((one, other) => Buffer.compare(one.key, other.key))
    .map(({ item }) => item);
}

const sha256Of = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");

/** Every text in a value, in its order. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, part]) =>
      Array.isArray(value) ? textsOf(part) : [key, ...textsOf(part)],
    );
  }
  return [String(value)];
}
