import { createHash } from "node:crypto";
import fc from "fast-check";
import type { hashEntries } from "../../sdk/files";
import { isDockerfileBase, type ResolvedSpec, type ResolvedStep } from "../../sdk/spec";
import { commandWithImages, imageDigests, makeImport } from "./import-inputs";
import { Random } from "./random";

export type TreeEntry = Parameters<typeof hashEntries>[0][number];

/** Characters that one of two implementations may well escape, normalise, count or sort in its own way. */
const awkward = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...['"', "\\", "/", "'", "`", "$", "#", " ", "<", "&", "\\n", "\\u0041", "\u007f", "\u0080", "\u00a0", "\u00ad"],
  ...["é", "e\u0301", "ł", "ß", "ı", "İ", "Σ", "ς", "K", "ﬁ", "\u2028", "\u2029", "\u200d", "\u202e", "\ufeff"],
  ...["\ufffd", "\uffff", "\ue000", "Ａ", "🐢", "👩‍💻", "\u{10ffff}", "\u{10000}", "1", "10", "9", "__proto__", "a", "B"],
];

const character = fc.oneof(fc.constantFrom(...awkward), fc.string({ unit: "binary", minLength: 1, maxLength: 1 }));
const text = fc.string({ unit: character, maxLength: 10 });
const texts = fc.array(text, { maxLength: 5 });
const digest = fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: 64, maxLength: 64 });
const baseDigest = digest.map((hex) => `sha256:${hex}`);

/** Any text, as elsewhere; without secrets the field is missing or, which no call makes, empty. */
const secrets = fc.array(
  fc.record(
    { id: text, from: fc.record({ kind: fc.constant("env" as const), name: text }), env: text, version: text },
    { requiredKeys: ["id", "from"] },
  ),
  { maxLength: 3 },
);

const pipOptions = {
  indexUrl: text,
  extraIndexUrls: texts,
  findLinks: texts,
  pre: fc.boolean(),
  extraOptions: texts,
  secrets,
};
const installer = fc.constantFrom("pip" as const, "uv" as const);

const random = fc.integer().map((seed) => new Random(seed));
const command = random.map((source) => commandWithImages(source, source.pick(["\\", "`"])));

/** Every kind of step with any text: what the fluent calls would refuse has a hash as well. */
const stepArbitrary: fc.Arbitrary<ResolvedStep> = fc.oneof(
  fc.record(
    { kind: fc.constant("pip" as const), packages: texts, installer, ...pipOptions },
    { requiredKeys: ["kind", "packages", "installer"] },
  ),
  fc.record(
    {
      kind: fc.constant("pipRequirements" as const),
      source: text,
      tree: digest,
      entry: text,
      installer,
      ...pipOptions,
    },
    { requiredKeys: ["kind", "source", "tree", "entry", "installer"] },
  ),
  fc.record({ kind: fc.constant("apt" as const), packages: texts }),
  fc.record({ kind: fc.constant("run" as const), command: text, secrets }, { requiredKeys: ["kind", "command"] }),
  fc.record({
    kind: fc.constant("dockerfile" as const),
    commands: fc.oneof(texts, fc.array(command, { maxLength: 3 })),
  }),
  fc.record({ kind: fc.constant("workdir" as const), path: text }),
  // fromEntries, unlike an assignment, makes a variable of the name __proto__.
  fc.array(fc.tuple(text, text), { maxLength: 6 }).map((pairs) => {
    return { kind: "env" as const, variables: Object.fromEntries(pairs) };
  }),
  fc.record({ kind: fc.constant("user" as const), user: text }),
  fc.record({ kind: fc.constant("entrypoint" as const), args: texts }),
  fc.record({ kind: fc.constant("cmd" as const), args: texts }),
  fc.record({ kind: fc.constant("copyFile" as const), source: text, destination: text, tree: digest }),
  fc.record({ kind: fc.constant("copyDir" as const), source: text, destination: text, tree: digest }),
);

const platforms = ["linux/amd64", "linux/arm64"] as const;

const plainBase = fc.record({
  base: fc.record({ reference: text, digest: baseDigest }),
  images: random.map(imageDigests),
});

/** A third of them stand on a Dockerfile. */
export const specArbitrary: fc.Arbitrary<ResolvedSpec> = fc
  .constantFrom(...platforms)
  .chain((platform) =>
    fc
      .tuple(
        fc.oneof({ weight: 2, arbitrary: plainBase }, { weight: 1, arbitrary: random.map(makeImport) }),
        fc.oneof(
          { weight: 9, arbitrary: fc.array(stepArbitrary, { maxLength: 8 }) },
          { weight: 1, arbitrary: fc.array(stepArbitrary, { minLength: 30, maxLength: 60 }) },
        ),
      )
      .map(([based, steps]) => ({ format: "image/v2" as const, platform, ...based, steps })),
  );

/** An image for one or both platforms, in any order. */
export const imageArbitrary: fc.Arbitrary<readonly ResolvedSpec[]> = fc
  .tuple(specArbitrary, fc.shuffledSubarray([...platforms], { minLength: 1 }), baseDigest)
  .map(([spec, chosen, otherDigest]) =>
    chosen.map((platform, index) => ({
      ...spec,
      platform,
      base: isDockerfileBase(spec.base) || index === 0 ? spec.base : { ...spec.base, digest: otherDigest },
    })),
  );

const name = fc
  .string({ unit: character, minLength: 1, maxLength: 8 })
  .map((written) => written.replaceAll(/[/\0]/g, "_"))
  .filter((written) => written !== "." && written !== "..");

const itemArbitrary = fc.record({
  // Few names, so that items often share a folder.
  folders: fc.array(fc.oneof(fc.constantFrom("a", "a-b", "ä", "Ａ", "🐢"), name), { maxLength: 3 }),
  name,
  type: fc.constantFrom("dir", "file", "file", "link"),
  executable: fc.boolean(),
  target: fc.array(name, { minLength: 1, maxLength: 3 }),
  isUpward: fc.boolean(),
});

export const treeArbitrary: fc.Arbitrary<readonly TreeEntry[]> = fc
  .array(itemArbitrary, { maxLength: 12 })
  .map((items) => {
    const entries = new Map<string, TreeEntry>();
    // Alike names are refused, so no tree has two.
    const keyOf = (path: string) => path.normalize("NFC").toLowerCase();
    for (const item of items) {
      const { folders, executable } = item;
      const path = [...folders, item.name].join("/");
      const parents = folders.map((_, index) => folders.slice(0, index + 1).join("/"));
      const isFree = parents.every((parent) => {
        const found = entries.get(keyOf(parent));
        return found === undefined || (found.type === "dir" && found.path === parent);
      });
      if (!isFree || entries.has(keyOf(path))) continue;
      for (const parent of parents) entries.set(keyOf(parent), { type: "dir", path: parent });
      // Up to the root and no further.
      const target = [...(item.isUpward ? folders.map(() => "..") : []), ...item.target].join("/");
      if (item.type === "dir") entries.set(keyOf(path), { type: "dir", path });
      else if (item.type === "link") entries.set(keyOf(path), { type: "link", path, target });
      else entries.set(keyOf(path), { type: "file", path, executable, sha256: sha256Of(contentOf({ path })) });
    }
    return [...entries.values()];
  });

/** The bytes of a generated file: its own path, as UTF-16, which no decoder of UTF-8 leaves as it is. */
export function contentOf(file: { readonly path: string }): Buffer {
  return Buffer.from(file.path, "utf16le");
}

const sha256Of = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
