import type { ResolvedDockerfileBase, ResolvedSpec } from "../../sdk/spec";
import { Random } from "./random";

/** A Dockerfile as a base, and the digests of the images that it may need. */
export type ImportedBase = Required<Pick<ResolvedSpec, "images">> & { readonly base: ResolvedDockerfileBase };

const imageNames = ["alpine", "node:20", "acme/files", "ghcr.io/acme/tools:2", "localhost:5000/a/b"];
const inFull = [
  "docker.io/library/alpine:latest",
  "docker.io/library/node:20",
  "docker.io/acme/files:latest",
  "ghcr.io/acme/tools:2",
  "localhost:5000/a/b:latest",
  `docker.io/library/alpine:3@sha256:${"a".repeat(64)}`,
];

/** Every image has other digests for other platforms, and the text of each is seen in the form. */
export function imageDigests(random: Random): Readonly<Record<string, string>> {
  const keys = inFull.flatMap((name) => ["", " linux/amd64", " linux/arm64", " builder"].map((at) => name + at));
  return Object.fromEntries(keys.map((key) => [key, `sha256:${random.hex()}`]));
}

/** A command of a dockerfile step that takes files from images. */
export function commandWithImages(random: Random, escape: string): string {
  const copy = `COPY --link --from=${image(random)} /a /b`;
  const mount = `RUN --mount=from=${image(random)},target=/t ${escape}\n# c\n make <<EOF\n  a\nEOF`;
  return random.pick([
    copy,
    mount,
    `EXPOSE 80\n${copy}\nUSER a`,
    copy.replace("/a /b", `${escape}\r\n  /a /b \n# end`),
    "RUN <<EOF\nCOPY --from=b a c\nEOF",
  ]);
}

function image(random: Random): string {
  return random.pick([...imageNames, `alpine:3@sha256:${"a".repeat(64)}`]);
}

interface Grammar {
  readonly random: Random;
  readonly escape: string;
  /** Of the stages so far, as FROM takes them. */
  readonly names: (string | undefined)[];
  /** Of its lines. */
  readonly end: string;
}

/** A name that several stages may have. */
const TWICE = "twice";
const buildArgNames = ["A", "B", "BASE", "VERSION", "Version"];

/** A Dockerfile of which BuildKit would read every line, though not all of it makes sense. */
export function makeImport(random: Random): ImportedBase {
  const escape = random.pick(["\\", "\\", "`"]);
  const grammar: Grammar = { random, escape, names: [], end: random.pick(["\n", "\n", "\n", "\r\n"]) };
  const lines = [...directives(grammar), ...globals(grammar)];
  const count = 1 + random.below(5);
  for (let index = 0; index < count; index += 1) lines.push(...stage(grammar, index));
  const named = grammar.names.filter((name) => name !== undefined);
  const target = named.length > 0 && random.below(2) === 0 ? inSomeCase(random, random.pick(named)) : undefined;
  const text = random.pick(["", "", "\ufeff"]) + lines.join(grammar.end) + random.pick(["", grammar.end]);
  const args = buildArgNames.filter((name) => name !== "BASE" && random.below(2) === 0);
  return {
    base: {
      kind: "dockerfile",
      source: random.word(),
      context: ".",
      text,
      ...(target === undefined ? {} : { target }),
      buildArgs: Object.fromEntries(args.map((name) => [name, random.word()])),
      ...(random.below(4) === 0 ? { onbuild: { [random.pick(inFull)]: ["ARG A B=1", "RUN make"] } } : {}),
      reads: [],
      tree: random.hex(),
    },
    images: imageDigests(random),
  };
}

function directives({ random, escape }: Grammar): readonly string[] {
  const other = random.pick([[], ["# syntax=docker/dockerfile:1"], ["#check = skip=all"]]);
  const own = escape === "`" ? [random.pick(["# escape=`", " #Escape = ` "])] : [];
  const ignored = random.pick([[], ["", "# escape=`"], ["# any comment", "# escape=`"], ["#!/x", "# escape=`"]]);
  return escape === "`" ? [...other, ...own] : [...(ignored[0]?.startsWith("#!") === true ? [] : other), ...ignored];
}

function globals({ random }: Grammar): readonly string[] {
  // All of them where FROM names one.
  return [
    `ARG BASE=${random.pick(["alpine", '"node:20"', "acme/files", "'alpine'"])} P=linux/arm64`,
    ...random.list(
      () => random.pick(["arg A", "ARG B=$P", "ARG HOST=$BUILDPLATFORM", "  ARG A=1 B='x y' # no comment"]),
      0,
      2,
    ),
    "ARG HOST=${BUILDPLATFORM:-x} TAG=${NONE:-20}",
  ];
}

function stage(grammar: Grammar, index: number): readonly string[] {
  const { random, names } = grammar;
  const earlier = names.filter((name) => name !== undefined);
  const bases = [
    image(random),
    "${BASE}",
    "$BASE",
    "node:${TAG}",
    "scratch",
    '"alpine"',
    "alpine:${TAG:+3}@sha256:" + "a".repeat(64),
  ];
  const base = earlier.length > 0 && random.below(2) === 0 ? random.pick(earlier) : random.pick(bases);
  const own = ["a", "build", "Base.1", "x_y-z"].map((word) => word + index);
  const name = random.below(4) === 0 ? undefined : random.pick([TWICE, ...own]);
  const as = name === undefined ? "" : ` ${random.pick(["AS", "as", "As"])} ${random.pick(["", " "])}${name}`;
  const flag = random.pick(["", "", "", ...platformFlags]);
  // Its own name is no source of it yet.
  const body = random.list(() => instruction(grammar, index), 0, 5).flat();
  names.push(name?.toLowerCase());
  return [`${random.pick(["FROM", "from", "From "])} ${flag}${base}${as}`, ...body];
}

const platformFlags = [
  "--platform=$BUILDPLATFORM ",
  "--platform=${HOST} ",
  "--platform=linux/${BUILDARCH} ",
  "--platform=$TARGETPLATFORM ",
  '--platform="linux/arm64/v8"  ',
  "--platform=aarch64 ",
  "--platform=$P ",
  "--platform=linux/amd64 ",
];

function instruction(grammar: Grammar, index: number): readonly string[] {
  const { random, escape } = grammar;
  const one = random.pick([copyFrom, mount, plain, plain, argument, hereDocument])(grammar, index);
  const [first = "", ...more] = one;
  const line = random.below(5) === 0 ? `ONBUILD ${first}` : first;
  const around = random.pick([[], [], [""], ["  # a comment"]]);
  const cut = line.indexOf(" ", line.length / 2);
  if (random.below(3) > 0 || cut < 0 || first.includes(escape)) return [...around, line, ...more];
  const between = random.list(() => random.pick(["", "  # between", "\t", "#"]), 0, 2);
  return [
    ...around,
    `${line.slice(0, cut)}${escape}${random.pick(["", " ", "\t "])}`,
    ...between,
    line.slice(cut),
    ...more,
  ];
}

/** A stage above, by name or by number, or an image. */
function source({ random, names }: Grammar, index: number): { readonly name: string; readonly number: string } {
  // Of stages of one name it means the last one, which may be below.
  const above = names.flatMap((name) => (name === undefined || name === TWICE ? [] : [name]));
  const isStage = above.length > 0 && random.below(3) > 0;
  const name = isStage ? inSomeCase(random, random.pick(above)) : random.pick([image(random), "scratch"]);
  const number = `${random.pick(["", "", "0", "+"])}${random.below(Math.max(index, 1))}`;
  return { name, number: index > 0 && random.below(2) === 0 ? number : name };
}

function copyFrom(grammar: Grammar, index: number): readonly string[] {
  const { random } = grammar;
  const { number } = source(grammar, index);
  const flag = random.pick([`--from=${number}`, `--from="${number}"`, `--link --from=${number} --chown=1:1`]);
  return [`${random.pick(["COPY", "copy"])} ${flag} ${random.pick(["/a /b", '["/a b", "/c"]', "-- --from=0 /b"])}`];
}

function mount(grammar: Grammar, index: number): readonly string[] {
  const { random, escape } = grammar;
  const { name } = source(grammar, index);
  const from = random.pick(["from", "From", "FROM"]);
  const flag = random.pick([
    `--mount=type=bind,${from}=${name},target=/t`,
    `--mount=${from}=${name},target="/a b",readonly`,
    `--mount=type=cache,target=/a${escape} b,${from}=${name}`,
    `--mount='type=bind,"source=/x,""y",${from}=${name},target=/t'`,
    `--mount=type=cache,target=/c --mount=${from}=${name},target=/1 --mount=${from}=alpine,target=/2`,
    "--mount=type=secret,id=token --network=none",
  ]);
  return [`${random.pick(["RUN", "run"])} ${flag}  make "a  b"`];
}

function plain({ random, escape }: Grammar): readonly string[] {
  return random.pick([
    ['ENV A=b C="d e" \ufeff'],
    ["RUN echo \u00e9 \u2028x \u00a0"],
    [`RUN a ${escape}${escape}`],
    ['CMD ["--from=0", "<<EOF"]'],
    ["LABEL a=b\u001f"],
    ["COPY --from= a /b"],
    ["ADD --chown=1 https://x/y /z"],
    ["WORKDIR C:\\x"],
    [`RUN ["a", "<<EOF"]`],
    ["RUN echo '<<EOF' \\<< $((1))"],
  ]);
}

function argument({ random }: Grammar): readonly string[] {
  return [random.pick(["ARG VERSION", "ARG Version=1 A", "arg A=\"x y\" B='z'", "ARG TARGETARCH", "ARG NONE"])];
}

function hereDocument({ random }: Grammar): readonly string[] {
  const body = random.list(
    () => random.pick(["", "a", "# no comment", "FROM b", "\tEOF2", "  EOF", "\\", "ARG A"]),
    0,
    3,
  );
  return random.pick([
    ["RUN <<EOF", ...body, "EOF"],
    ["COPY <<-EOF <<'B C' /etc/", ...body, "\t\tEOF", ...body, "B C"],
    ['RUN cat 3<< "EOF" | tee <<x>y', ...body, "EOF", "x>y"],
    ["ADD --chmod=1 <<a <<b /x/", "b", "a", ...body, "b"],
  ]);
}

function inSomeCase(random: Random, name: string): string {
  return random.pick([name, name.toUpperCase(), name.slice(0, 1).toUpperCase() + name.slice(1)]);
}
