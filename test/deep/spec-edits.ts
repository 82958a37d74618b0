import type { ResolvedSpec, ResolvedStep } from "../../sdk/spec";
import type { Secret } from "../../sdk/secret";
import type { Random } from "./random";
import { imageBase } from "../sdk/specs";

type Steps = readonly ResolvedStep[];
type Pair<T> = readonly [T, T];

/** Each makes two specs that differ by one edit, at a random place of a random spec. */
export const specEdits: Readonly<Record<string, (random: Random) => Pair<ResolvedSpec>>> = {
  "package added": (r) => inLists(r, (list) => [list, [...list, r.word()]]),
  "package removed": (r) => inLists(r, (list) => [list, list.slice(1)]),
  "packages reordered": (r) => inLists(r, (list) => [list, [...list.slice(1), ...list.slice(0, 1)]]),
  "package repeated": (r) => inLists(r, (list) => [list, [...list, ...list.slice(-1)]]),
  "package split by a space": (r) => inLists(r, (list) => [[`${list[0]} ${list[1]}`], list.slice(0, 2)]),
  "boundary between two items moved": (r) =>
    inLists(r, ([one = "", other = ""]) => [
      [`${one}|`, other],
      [one, `|${other}`],
    ]),
  "items joined": (r) => inLists(r, (list) => [list, [list.join("")]]),
  "empty item added": (r) => inLists(r, (list) => [list, [...list, ""]]),
  "one empty item against none": (r) => inLists(r, () => [[], [""]]),
  "step split in two": (r) => {
    const list = words(r);
    return around(r, [[{ kind: "apt", packages: list }], list.map((name) => ({ kind: "apt", packages: [name] }))]);
  },
  "kind of step changed": (r) => {
    const list = words(r);
    const kinds = r.pick<Pair<ResolvedStep>>([
      [
        { kind: "entrypoint", args: list },
        { kind: "cmd", args: list },
      ],
      [
        { kind: "apt", packages: list },
        { kind: "dockerfile", commands: list },
      ],
      [
        { kind: "pip", packages: list, installer: "pip" },
        { kind: "apt", packages: list },
      ],
      [
        { kind: "workdir", path: "/a" },
        { kind: "user", user: "/a" },
      ],
      [
        { kind: "run", command: "ls" },
        { kind: "dockerfile", commands: ["ls"] },
      ],
    ]);
    return around(r, [[kinds[0]], [kinds[1]]]);
  },
  "env: value changed": (r) => {
    const [one = "", other = ""] = words(r);
    return around(r, [[env({ A: one })], [env({ A: other })]]);
  },
  "env: values of two names exchanged": (r) => {
    const [one = "", other = ""] = words(r);
    return around(r, [[env({ A: one, B: other })], [env({ A: other, B: one })]]);
  },
  "env: boundary between name and value moved": (r) => {
    const value = r.word();
    return around(r, [[env({ AB: value })], [env({ A: `B${value}` })]]);
  },
  "env: variable added": (r) => around(r, [[env({ A: "1" })], [env({ A: "1", [r.word() + "B"]: "" })]]),
  "env: name in other case": (r) => around(r, [[env({ PATH: "1" })], [env({ Path: "1" })]]),
  "env: one step against two": (r) => around(r, [[env({ A: "1", B: "2" })], [env({ A: "1" }), env({ B: "2" })]]),
  "character changed": (r) => inText(r, (word) => [`${word}1`, `${word}2`]),
  // ł is U+0142, B is U+0042.
  "character above eight bits": (r) => inText(r, (word) => [`${word}B`, `${word}ł`]),
  "blank at the end": (r) => inText(r, (word) => [word, `${word} `]),
  "upper case": (r) => inText(r, (word) => [`${word}q`, `${word}Q`]),
  "composed against decomposed": (r) => inText(r, (word) => [`${word}ü`, `${word}u\u0308`]),
  "LF against CRLF": (r) => inText(r, (word) => [`${word}\n${word}`, `${word}\r\n${word}`]),
  "line feed against backslash and n": (r) => inText(r, (word) => [`${word}\n`, `${word}\\n`]),
  "character against its escape": (r) => inText(r, (word) => [`é${word}`, `\\u00e9${word}`]),
  "quote moved": (r) => inText(r, (word) => [`"${word}" x`, `"${word} x"`]),
  "step added": (r) => around(r, [[], [anyStep(r)]]),
  "step repeated": (r) => {
    const step = anyStep(r);
    return around(r, [[step], [step, step]]);
  },
  "builds reordered": (r) => {
    const [one = "", other = ""] = words(r);
    return reordered(r, { kind: "run", command: one }, { kind: "apt", packages: [other] });
  },
  "settings reordered": (r) =>
    reordered(r, { kind: "workdir", path: `/${r.word()}` }, { kind: "user", user: r.word() }),
  "copies reordered": (r) => reordered(r, copyDir(r), copyDir(r)),
  platform: (r) => {
    const spec = specWith(r);
    return [
      { ...spec, platform: "linux/amd64" },
      { ...spec, platform: "linux/arm64" },
    ];
  },
  "base digest": (r) => {
    const spec = specWith(r);
    const digest = `sha256:${changedHex(r, imageBase(spec).digest.slice("sha256:".length))}`;
    return [spec, { ...spec, base: { ...spec.base, digest } }];
  },
  "pip: pre": (r) => inPip(r, [{}, { pre: true }]),
  "pip: installer": (r) => inPip(r, [{ installer: "pip" }, { installer: "uv" }]),
  "pip: index left out against empty": (r) => inPip(r, [{}, { indexUrl: "" }]),
  "pip: index against extra index": (r) => {
    const url = r.word();
    return inPip(r, [{ indexUrl: url }, { extraIndexUrls: [url] }]);
  },
  "pip: extra index against place of links": (r) => {
    const urls = words(r);
    return inPip(r, [{ extraIndexUrls: urls }, { findLinks: urls }]);
  },
  "pip: option against package": (r) => {
    const names = words(r);
    return inPip(r, [{ packages: names }, { packages: names.slice(1), extraOptions: names.slice(0, 1) }]);
  },
  "pip: package against text null": (r) => inPip(r, [{}, { indexUrl: "null" }]),
  "secret added": (r) => inSecrets(r, [[], [secret("A")]]),
  "secret: id": (r) => inSecrets(r, [[secret("A")], [secret("B")]]),
  "secret: variable against file": (r) => inSecrets(r, [[secret("A")], [secret("A", { env: "A" })]]),
  "secret: variable": (r) => inSecrets(r, [[secret("A", { env: "A" })], [secret("A", { env: r.word() + "B" })]]),
  "secret: version": (r) => inSecrets(r, [[secret("A")], [secret("A", { version: r.word() })]]),
  "secret: variable against version": (r) => {
    const word = r.word();
    return inSecrets(r, [[secret("A", { env: word })], [secret("A", { version: word })]]);
  },
  "secret: boundary between id and version moved": (r) =>
    inSecrets(r, [[secret("A", { version: "B@C" })], [secret("A@B", { version: "C" })]]),
  "secret: one against two": (r) => inSecrets(r, [[secret("A")], [secret("A"), secret("B")]]),
  "requirements: entry": (r) => {
    const tree = r.hex();
    const step = (entry: string) => [
      { kind: "pipRequirements", source: "r", tree, entry, installer: "pip" } satisfies ResolvedStep,
    ];
    return around(r, [step("a/r.txt"), step("b/r.txt")]);
  },
  "copy: destination": (r) => {
    const step = copyDir(r);
    return around(r, [[step], [{ ...step, destination: `${step.destination}x` }]]);
  },
  "copy: tree": (r) => {
    const step = copyDir(r);
    return around(r, [[step], [{ ...step, tree: changedHex(r, step.tree) }]]);
  },
  "copy: file against folder": (r) => {
    const step = copyDir(r);
    return around(r, [[step], [{ ...step, kind: "copyFile" }]]);
  },
  "dockerfile: digest of an image": (r) => inImages(r, ([one, other]) => [[one, other], [one, digest(r)], "as it is"]),
  "dockerfile: digests of two images exchanged": (r) =>
    inImages(r, ([one, other]) => [[one, other], [other, one], "as it is"]),
  "dockerfile: one image against two of one digest": (r) =>
    inImages(r, ([one, other]) => [[one, other], [one, one], "as it is"]),
};

/** Each makes two specs that differ by one edit of what does not count. */
export const freeSpecEdits: Readonly<Record<string, (random: Random) => Pair<ResolvedSpec>>> = {
  "name of the base": (r) => {
    const spec = specWith(r);
    return [spec, { ...spec, base: { ...spec.base, reference: `mirror.example/${r.hex()}:latest` } }];
  },
  "order of the variables of one env": (r) => {
    const [one = "", other = ""] = words(r);
    return around(r, [[env({ A: one, B: other })], [env({ B: other, A: one })]]);
  },
  "copy: source": (r) => {
    const step = copyDir(r);
    return around(r, [[step], [{ ...step, source: r.word() + "x" }]]);
  },
  "copy: patterns": (r) => {
    const step = copyDir(r);
    return around(r, [[step], [{ ...step, ignore: [r.word()], include: [r.word()] }]]);
  },
  "requirements: source": (r) => {
    const step = { kind: "pipRequirements", tree: r.hex(), entry: "r.txt", installer: "pip" } as const;
    return around(r, [[{ ...step, source: "a/r.txt" }], [{ ...step, source: `b/${r.word()}` }]]);
  },
  "secret: source": (r) =>
    inSecrets(r, [[secret("A")], [{ ...secret("A"), from: { kind: "file", path: `${r.word()}x` } }]]),
  "dockerfile: name of an image": (r) => inImages(r, ([one, other]) => [[one, other], [one, other], "by another name"]),
  "dockerfile: digest of an image that nothing names": (r) => {
    const [spec] = inImages(r, ([one, other]) => [[one, other], [one, other], "as it is"]);
    return [spec, { ...spec, images: { ...spec.images, "docker.io/acme/other:latest": digest(r) } }];
  },
  "copies and settings at the end reordered": (r) => {
    const [copy, user] = [copyDir(r), { kind: "user", user: r.word() } as const];
    const spec = specWith(r);
    return [
      { ...spec, steps: [...spec.steps, copy, user] },
      { ...spec, steps: [...spec.steps, user, copy] },
    ];
  },
};

/** A step that copies from one image and mounts another. */
function inImages(
  random: Random,
  edit: (digests: Pair<string>) => readonly [Pair<string>, Pair<string>, "as it is" | "by another name"],
): Pair<ResolvedSpec> {
  const word = random.hex().slice(0, 8);
  const [one, other, naming] = edit([digest(random), digest(random)]);
  const commands = (name: string) => [
    `COPY --from=acme/${name} /${word} /b`,
    `RUN --mount=type=bind,from=acme/m,target=/m ls`,
  ];
  const images = (name: string, [copied, mounted]: Pair<string>) => ({
    [`docker.io/acme/${name}:latest`]: copied,
    "docker.io/acme/m:latest": mounted,
  });
  const name = naming === "as it is" ? "c" : `c${word}`;
  const [first, second] = around(random, [
    [{ kind: "dockerfile", commands: commands("c") }],
    [{ kind: "dockerfile", commands: commands(name) }],
  ]);
  return [
    { ...first, images: images("c", one) },
    { ...second, images: images(name, other) },
  ];
}

const digest = (random: Random): string => `sha256:${random.hex()}`;

const env = (variables: Readonly<Record<string, string>>) => ({ kind: "env", variables }) satisfies ResolvedStep;

const secret = (id: string, more: { readonly env?: string; readonly version?: string } = {}): Secret => ({
  id,
  from: { kind: "env", name: "A" },
  ...more,
});

/** In a run or a pip, whose form is longer. */
function inSecrets(random: Random, [one, other]: Pair<readonly Secret[]>): Pair<ResolvedSpec> {
  const command = random.word();
  const shape = random.pick<(secrets: readonly Secret[]) => ResolvedStep>([
    (secrets) => ({ kind: "run", command, secrets }),
    (secrets) => ({ kind: "pip", packages: [command], installer: "pip", secrets }),
  ]);
  return around(random, [[shape(one)], [shape(other)]]);
}

const copyDir = (random: Random) =>
  ({ kind: "copyDir", source: "s", destination: `/${random.word()}`, tree: random.hex() }) satisfies ResolvedStep;

const tree = "0".repeat(64);

/** Every field that is a text. */
const textShapes: readonly ((text: string) => ResolvedStep)[] = [
  (text) => ({ kind: "run", command: text }),
  (text) => ({ kind: "workdir", path: `/${text}` }),
  (text) => ({ kind: "user", user: text }),
  (text) => ({ kind: "env", variables: { A: text } }),
  (text) => ({ kind: "pip", packages: ["a"], installer: "uv", indexUrl: text }),
  (text) => ({ kind: "pipRequirements", source: "r", tree, entry: text, installer: "pip" }),
  (text) => ({ kind: "copyFile", source: "s", destination: `/${text}`, tree }),
  (text) => ({ kind: "copyDir", source: "s", destination: `/${text}`, tree }),
];

/** Every field that is a list of texts. */
const listShapes: readonly ((list: readonly string[]) => ResolvedStep)[] = [
  (list) => ({ kind: "pip", packages: list, installer: "pip" }),
  (list) => ({ kind: "apt", packages: list }),
  (list) => ({ kind: "dockerfile", commands: list }),
  (list) => ({ kind: "entrypoint", args: list }),
  (list) => ({ kind: "cmd", args: list }),
  (list) => ({ kind: "pip", packages: ["a"], installer: "pip", extraIndexUrls: list }),
  (list) => ({ kind: "pip", packages: ["a"], installer: "uv", findLinks: list }),
  (list) => ({ kind: "pip", packages: ["a"], installer: "pip", extraOptions: list }),
];

const anyStep = (random: Random): ResolvedStep => random.pick([...textShapes, inList])(random.word());

function inList(text: string): ResolvedStep {
  return { kind: "apt", packages: [text] };
}

/** Two to four words, none like another, so that an edit of their order changes them. */
function words(random: Random): string[] {
  return random.list(() => random.word(), 2, 4).map((word, index) => `${word}${index}`);
}

/** Both lists in the same field. */
function inLists(random: Random, edit: (list: readonly string[]) => Pair<readonly string[]>): Pair<ResolvedSpec> {
  const [one, other] = edit(words(random));
  const shape = random.pick(listShapes);
  return around(random, [[shape(one)], [shape(other)]]);
}

/** Both texts in the same field, or in the same place of the same list. */
function inText(random: Random, edit: (word: string) => Pair<string>): Pair<ResolvedSpec> {
  const [one, other] = edit(random.word());
  const listShape = random.pick(listShapes);
  const rest = words(random);
  const shape = random.pick([...textShapes, (text: string) => listShape([...rest, text])]);
  return around(random, [[shape(one)], [shape(other)]]);
}

type Pip = Extract<ResolvedStep, { readonly kind: "pip" }>;

function inPip(random: Random, [one, other]: Pair<Partial<Pip>>): Pair<ResolvedSpec> {
  const step: Pip = { kind: "pip", packages: words(random), installer: "pip" };
  return around(random, [[{ ...step, ...one }], [{ ...step, ...other }]]);
}

/** Neighbours of one group: steps of two groups may be emitted in one order, whichever was given. */
function reordered(random: Random, one: ResolvedStep, other: ResolvedStep): Pair<ResolvedSpec> {
  return around(random, [
    [one, other],
    [other, one],
  ]);
}

/** The two at the same place among the same random steps. */
function around(random: Random, [one, other]: Pair<Steps>): Pair<ResolvedSpec> {
  const spec = specWith(random);
  const at = random.below(spec.steps.length + 1);
  const withSteps = (steps: Steps) => ({
    ...spec,
    steps: [...spec.steps.slice(0, at), ...steps, ...spec.steps.slice(at)],
  });
  return [withSteps(one), withSteps(other)];
}

function specWith(random: Random): ResolvedSpec {
  const base = { reference: "docker.io/library/python:3.11", digest: `sha256:${random.hex()}` };
  const steps = random.list(() => anyStep(random), 0, 3);
  return { format: "image/v2", platform: random.pick(["linux/amd64", "linux/arm64"]), base, steps };
}

function changedHex(random: Random, hex: string): string {
  const at = random.below(hex.length);
  return hex.slice(0, at) + (hex[at] === "0" ? "1" : "0") + hex.slice(at + 1);
}
