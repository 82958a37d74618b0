import type { ResolvedDockerfileBase, ResolvedSpec, ResolvedStep } from "../../sdk/spec";
import type { Random } from "./random";

type Pair<T> = readonly [T, T];
type Lines = readonly string[];

/** A Dockerfile of stages `dep`, `unused`, `main` and `later`; `main` needs `dep` alone. */
interface Parts {
  /** Before everything. */
  readonly head: string;
  readonly globals: Lines;
  readonly dep: Lines;
  readonly unused: Lines;
  readonly main: Lines;
  readonly later: Lines;
  readonly target: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly bases: Readonly<Record<"dep" | "main" | "tools" | "unused", string>>;
  readonly digests: Readonly<Record<"dep" | "main" | "tools" | "unused", string>>;
  readonly base: Partial<ResolvedDockerfileBase>;
  readonly steps: readonly ResolvedStep[];
  readonly platform: ResolvedSpec["platform"];
}

/** Each makes two imports that differ by one edit of what counts. */
export const importEdits: Readonly<Record<string, (random: Random) => Pair<ResolvedSpec>>> = {
  "argument changed": (r) => inStage(r, (word) => [[`RUN ${word}1`], [`RUN ${word}2`]]),
  "character above eight bits": (r) => inStage(r, (word) => [[`RUN ${word}B`], [`RUN ${word}ł`]]),
  "one blank against two": (r) => inStage(r, (word) => [[`RUN ${word} x`], [`RUN ${word}  x`]]),
  "instruction added": (r) => inStage(r, () => [[], [anyInstruction(r)]]),
  "instruction repeated": (r) =>
    inStage(r, () => {
      const line = anyInstruction(r);
      return [[line], [line, line]];
    }),
  "instructions reordered": (r) =>
    inStage(r, (word) => [
      [`RUN ${word}`, `ENV A=${word}`],
      [`ENV A=${word}`, `RUN ${word}`],
    ]),
  "kind of instruction": (r) =>
    inStage(r, (word) =>
      r.pick<Pair<Lines>>([
        [[`ENV A=${word}`], [`LABEL A=${word}`]],
        [[`CMD ${word}`], [`ENTRYPOINT ${word}`]],
        [[`COPY ${word} /x`], [`ADD ${word} /x`]],
        [[`RUN ${word}`], [`ONBUILD RUN ${word}`]],
      ]),
    ),
  flag: (r) => inStage(r, (word) => [[`COPY ${word} /x`], [`COPY --link ${word} /x`]]),
  "JSON against shell form": (r) => inStage(r, (word) => [[`CMD ${word}`], [`CMD ["${word}"]`]]),
  "quote moved": (r) => inStage(r, (word) => [[`RUN "${word}" x`], [`RUN "${word} x"`]]),
  "blank and hash in a line": (r) => inStage(r, (word) => [[`RUN ${word}`], [`RUN ${word} # x`]]),
  "here-document body": (r) => inStage(r, (word) => [document("RUN", `${word}1`), document("RUN", `${word}2`)]),
  "line at the end of a here-document": (r) =>
    inStage(r, (word) => [document("RUN", word), document("RUN", `${word}\n`)]),
  "comment in a here-document": (r) => inStage(r, (word) => [document("RUN", word), document("RUN", `# c\n${word}`)]),
  "CRLF in a here-document": (r) =>
    inStage(r, (word) => [document("RUN", `${word}\nx`), document("RUN", `${word}\r\nx`)]),
  "line moved to the next here-document": (r) =>
    inStage(r, (word) => [
      [`COPY <<A <<B /x/\n${word}\n${word}\nA\n${word}\nB`],
      [`COPY <<A <<B /x/\n${word}\nA\n${word}\n${word}\nB`],
    ]),
  "here-document against instructions": (r) =>
    inStage(r, (word) => [document("RUN", `RUN ${word}`), ["RUN true", `RUN ${word}`]]),
  "variables of a here-document": (r) =>
    inStage(r, (word) => [[`COPY <<A /x\n$B${word}\nA`], [`COPY <<'A' /x\n$B${word}\nA`]]),
  "tabs of a here-document": (r) =>
    inStage(r, (word) => [[`COPY <<A /x\n\t${word}\nA`], [`COPY <<-A /x\n\t${word}\nA`]]),
  "instruction moved to the other stage": (r) => {
    const parts = someParts(r);
    const line = anyInstruction(r);
    return pairOf([
      { ...parts, dep: [...parts.dep, line] },
      { ...parts, main: [...parts.main, line] },
    ]);
  },
  "default of a build argument": (r) =>
    edited(r, (parts, word) => [
      { globals: [...parts.globals, `ARG C=${word}1`] },
      { globals: [...parts.globals, `ARG C=${word}2`] },
    ]),
  "build argument": (r) => inArgs(r, (word) => [{ A: `${word}1` }, { A: `${word}2` }]),
  "build argument given": (r) => inArgs(r, (word) => [{}, { A: word }]),
  "empty build argument against none": (r) => inArgs(r, () => [{}, { A: "" }]),
  "build arguments exchanged": (r) =>
    inArgs(r, (word) => [
      { A: `${word}1`, AB: `${word}2` },
      { A: `${word}2`, AB: `${word}1` },
    ]),
  "boundary between name and value of a build argument": (r) => inArgs(r, (word) => [{ AB: word }, { A: `B${word}` }]),
  target: (r) => edited(r, () => [{ target: "main" }, { target: "dep" }]),
  "target that adds nothing": (r) => edited(r, () => [{ target: "main" }, { target: "alias" }]),
  "digest of a base": (r) =>
    edited(r, ({ digests }) => {
      const name = r.pick(["dep", "main"] as const);
      return [{}, { digests: { ...digests, [name]: digest(r) } }];
    }),
  "digest of an image that is copied from": (r) =>
    edited(r, ({ digests }) => [{}, { digests: { ...digests, tools: digest(r) } }]),
  "digests exchanged": (r) =>
    edited(r, ({ digests }) => [{}, { digests: { ...digests, dep: digests.main, main: digests.dep } }]),
  tree: (r) => edited(r, () => [{ base: { tree: r.hex() } }, { base: { tree: r.hex() } }]),
  platform: (r) => edited(r, () => [{ platform: "linux/amd64" }, { platform: "linux/arm64" }]),
  "escape directive": (r) => edited(r, () => [{ head: "" }, { head: "# escape=`\n" }]),
  "step added": (r) => edited(r, ({ steps }, text) => [{}, { steps: [...steps, { kind: "run", command: text }] }]),
  "step against instruction": (r) => {
    const parts = someParts(r);
    const line = `RUN ${word(r)}`;
    return pairOf([
      { ...parts, main: [...parts.main, line] },
      { ...parts, steps: [{ kind: "dockerfile", commands: [line] }] },
    ]);
  },
  "against its base alone": (r) => {
    const spec = toSpec({ ...someParts(r), dep: [], main: [] });
    const [reference = "", found = ""] = Object.entries(spec.images ?? {})[1] ?? [];
    return [spec, { ...spec, base: { reference, digest: found } }];
  },
};

/** Each makes two imports that differ by one edit of what does not count. */
export const freeImportEdits: Readonly<Record<string, (random: Random) => Pair<ResolvedSpec>>> = {
  "unneeded stage": (r) => edited(r, (parts) => [{}, { unused: [...parts.unused, anyInstruction(r)] }]),
  "stage after the target": (r) => edited(r, (parts) => [{}, { later: [...parts.later, anyInstruction(r)] }]),
  "digest of an unneeded base": (r) => edited(r, ({ digests }) => [{}, { digests: { ...digests, unused: digest(r) } }]),
  "unneeded base": (r) => edited(r, ({ bases }) => [{}, { bases: { ...bases, unused: `no.such/${digitsOf(r)}` } }]),
  "stage before one that is named by number": (r) => {
    const parts = someParts(r);
    const numbered = (number: number) => [`COPY --from=${number} /x /y`, ...parts.main];
    return pairOf([
      { ...parts, main: numbered(0) },
      { ...parts, globals: [...parts.globals, `FROM nothing AS before\nRUN ${word(r)}`], main: numbered(1) },
    ]);
  },
  comment: (r) => inStage(r, (text) => [[], [`# ${text}`]]),
  "blank line": (r) => inStage(r, () => [[], ["", " "]]),
  "continued line": (r) => inStage(r, (text) => [[`RUN ${text} x`], [`RUN ${text} \\\n# c\nx`]]),
  directives: (r) =>
    edited(r, () => [{ head: "" }, { head: `# syntax=docker/dockerfile:1\n# check=skip=${word(r)}\n` }]),
  "byte order mark": (r) => edited(r, () => [{ head: "" }, { head: "\uFEFF" }]),
  "another name of an image": (r) =>
    edited(r, ({ bases }) => {
      const name = r.pick(["dep", "main", "tools"] as const);
      return [{}, { bases: { ...bases, [name]: `mirror.example/${digitsOf(r)}/${name}` } }];
    }),
  "build argument that an unneeded stage declares": (r) =>
    edited(r, ({ buildArgs }, text) => [{}, { buildArgs: { ...buildArgs, UNUSED: text } }]),
  "where the files are": (r) => edited(r, (_, text) => [{}, { base: { source: `${text}/Dockerfile`, context: text } }]),
  "where a read stands": (r) => edited(r, () => [{}, { base: { reads: [{ path: ".", line: r.below(99) + 2 }] } }]),
  "where a secret comes from": (r) =>
    edited(r, (_, text) => [{}, { base: { secrets: [{ id: "A", from: { kind: "env", name: text } }] } }]),
};

/** A word that a Dockerfile takes as it is. */
function word(random: Random): string {
  return `w${random.word().replace(/[\\"'$#\s`<=,\u2028]/g, "")}`;
}

const digitsOf = (random: Random): string => random.hex().slice(0, 12);
const digest = (random: Random): string => `sha256:${random.hex()}`;
const document = (keyword: string, body: string): Lines => [`${keyword} <<EOT\n${body}\nEOT`];

function anyInstruction(random: Random): string {
  const text = word(random);
  return random.pick([
    `RUN ${text}`,
    `RUN --mount=type=cache,target=/${text} ${text}`,
    `RUN --mount=type=bind,target=/m ${text}`,
    `RUN <<EOT\n${text}\n${text}\nEOT`,
    `COPY ${text} /${text}/`,
    `COPY <<EOT /${text}\n${text}\nEOT`,
    `ENV A=${text} B="${text} $A"`,
    `LABEL ${text}=1`,
    `WORKDIR /${text}`,
    `CMD ["${text}", "x"]`,
    `EXPOSE 80`,
    `ONBUILD RUN ${text}`,
  ]);
}

function someParts(random: Random): Parts {
  const lines = (): Lines => random.list(() => anyInstruction(random), 0, 3);
  return {
    head: random.pick(["", "# a comment\n"]),
    globals: ["ARG A=1 AB=2"],
    dep: lines(),
    unused: lines(),
    main: lines(),
    later: lines(),
    target: "main",
    buildArgs: random.pick([{}, { A: word(random) }]),
    bases: { dep: "golang:1.22", main: "debian", tools: "ghcr.io/acme/tools:2", unused: "unused" },
    digests: { dep: digest(random), main: digest(random), tools: digest(random), unused: digest(random) },
    base: { tree: random.hex() },
    steps: random.pick<readonly ResolvedStep[]>([[], [{ kind: "run", command: word(random) }]]),
    platform: "linux/amd64",
  };
}

function toSpec(parts: Parts): ResolvedSpec {
  const { head, globals, bases, digests } = parts;
  const text = [
    ...globals,
    `FROM ${bases.dep} AS dep`,
    ...parts.dep,
    `FROM ${bases.unused} AS unused`,
    "ARG UNUSED",
    ...parts.unused,
    `FROM ${bases.main} AS main`,
    "COPY --from=dep /a /b",
    `RUN --mount=type=bind,from=${bases.tools},target=/t true`,
    ...parts.main,
    "FROM main AS alias",
    `FROM ${bases.unused} AS later`,
    ...parts.later,
    "",
  ].join("\n");
  const images = Object.fromEntries(
    (["dep", "main", "tools", "unused"] as const).map((name) => [keyOf(bases[name]), digests[name]]),
  );
  const { target, buildArgs, platform, steps } = parts;
  const own = { source: "Dockerfile", context: ".", text: head + text, target, buildArgs, reads: [], tree: "" };
  return { format: "image/v2", platform, base: { kind: "dockerfile", ...own, ...parts.base }, images, steps };
}

/** The name in full. */
function keyOf(name: string): string {
  const tagged = /:[^/]*$/.test(name) ? name : `${name}:latest`;
  const [host = ""] = tagged.split("/");
  return tagged.includes("/") && /[.:]/.test(host) ? tagged : `docker.io/library/${tagged}`;
}

function pairOf([one, other]: Pair<Parts>): Pair<ResolvedSpec> {
  return [toSpec(one), toSpec(other)];
}

function edited(random: Random, edit: (parts: Parts, word: string) => Pair<Partial<Parts>>): Pair<ResolvedSpec> {
  const parts = someParts(random);
  const [one, other] = edit(parts, word(random));
  const apply = (change: Partial<Parts>): Parts => ({ ...parts, ...change, base: { ...parts.base, ...change.base } });
  return pairOf([apply(one), apply(other)]);
}

/** Both at the same place of the same stage that counts. */
function inStage(random: Random, edit: (word: string) => Pair<Lines>): Pair<ResolvedSpec> {
  const parts = someParts(random);
  const stage = random.pick(["dep", "main"] as const);
  const at = random.below(parts[stage].length + 1);
  const insert = (lines: Lines): Parts => {
    return { ...parts, [stage]: [...parts[stage].slice(0, at), ...lines, ...parts[stage].slice(at)] };
  };
  const [one, other] = edit(word(random));
  return pairOf([insert(one), insert(other)]);
}

function inArgs(random: Random, edit: (word: string) => Pair<Readonly<Record<string, string>>>): Pair<ResolvedSpec> {
  return edited(random, (_, text) => {
    const [one, other] = edit(text);
    return [{ buildArgs: one }, { buildArgs: other }];
  });
}
