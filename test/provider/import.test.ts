import { symlinkSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { explainNew } from "../../provider/explain";
import { ImageProgram, type ResolvedImage } from "../../provider/program";
import { readSecrets } from "../../provider/secret-store";
import { checkHash, readInputs, specsOf, type ImageInputs } from "../../provider/state";
import { renderDockerfile } from "../../sdk/dockerfile";
import { hashSpec } from "../../sdk/hash";
import { Image, type DockerfileOptions } from "../../sdk/image";
import type { Platform } from "../../sdk/platform";
import { Secret } from "../../sdk/secret";
import { parseReference } from "../../sdk/reference";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { enterFolder } from "../sdk/folder";
import { lineOf, sentencesOf } from "../sdk/errors";
import { SlipwayError } from "../../sdk/error";

let registry: MemoryRegistry;
beforeEach(() => {
  registry = new MemoryRegistry();
});

interface ConfigOf {
  readonly Env?: readonly string[];
  readonly OnBuild?: readonly string[];
}

/** Puts an image for two platforms; its digests, the index's first. */
async function putImage(name: string, config: ConfigOf = {}): Promise<readonly string[]> {
  const { host, path, tag = "latest" } = parseReference(name);
  const repository = { host, path };
  const children = [];
  for (const architecture of ["amd64", "arm64"]) {
    const digest = registry.addBlob(repository, Buffer.from(JSON.stringify({ architecture, name, config })));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = toManifest({ mediaType, config: { digest, mediaType: "x", size: 1 }, layers: [] });
    await registry.putManifest(repository, manifest.digest, manifest);
    children.push({ digest: manifest.digest, platform: { os: "linux", architecture } });
  }
  const index = toManifest({ mediaType: "application/vnd.oci.image.index.v1+json", manifests: children });
  await registry.putManifest(repository, tag, index);
  registry.requests.length = 0;
  return [index.digest, ...children.map(({ digest }) => digest)];
}

function enter(dockerfile: string, files: Readonly<Record<string, string>> = {}): void {
  enterFolder({ Dockerfile: dockerfile, ...files });
}

function resolve(image: Image, ...platforms: readonly Platform[]): Promise<ResolvedImage> {
  const program = new ImageProgram({ folder: process.cwd(), registry, mirrors: [] });
  return program.resolve(image, platforms.length === 0 ? ["linux/amd64"] : platforms);
}

async function render(image: Image, platform: Platform = "linux/amd64"): Promise<readonly string[]> {
  const { specs } = await resolve(image, platform);
  return specs.flatMap((spec) => renderDockerfile(spec).text.split("\n"));
}

async function hashOf(dockerfile: string, files: Readonly<Record<string, string>> = {}, options?: DockerfileOptions) {
  enter(dockerfile, files);
  return (await resolve(Image.fromDockerfile("Dockerfile", options))).hash;
}

/** What resolving throws, as one text. */
async function refusal(image: () => Image): Promise<string> {
  try {
    await resolve(image());
  } catch (error) {
    if (error instanceof SlipwayError) return error.message.replace(/\n {4}at .*$/, "");
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("the Dockerfile that is built", () => {
  test("is the file's own text with images by digest, and the steps at the end of the target's stage", async () => {
    const [, node] = await putImage("node:20");
    const [, debian] = await putImage("debian");
    enter(
      `# syntax=docker/dockerfile:1.7
# check=error=true
# a comment
ARG V=20
FROM node:\${V} AS build  # no comment
COPY a.txt .
FROM debian AS runtime
COPY --from=build /a \\
  # between

  /b
# of the next stage
FROM nothing AS later
COPY missing /
`.replace("  # no comment", ""),
      { "a.txt": "a" },
    );
    const image = Image.fromDockerfile("Dockerfile", { target: "runtime" })
      .env({ A: 'q"$\\`' })
      .addLocalFile("a.txt", "/srv/a.txt", { strategy: "copy" })
      .runCommands("one", "two\nthree");
    expect(await render(image)).toEqual([
      "# check=error=true",
      "# left out: syntax=docker/dockerfile:1.7 (the builder's own frontend reads this file)",
      "# a comment",
      "ARG V=20",
      `FROM docker.io/library/node@${node} AS build`,
      "COPY a.txt .",
      `FROM docker.io/library/debian@${debian} AS runtime`,
      "COPY --from=build /a \\",
      "  # between",
      "",
      "  /b",
      'ENV A="q\\"\\$\\\\`"',
      'COPY --from=slipway-files --link ["c/1/","/srv/"]',
      "RUN one",
      "RUN <<'SLIPWAY'",
      "set -e",
      "two",
      "three",
      "SLIPWAY",
      "# of the next stage",
      "FROM nothing AS later",
      "COPY missing /",
      "",
    ]);
  });

  test("is written with the file's escape character, and copies so that no folder of the file's changes its owner", async () => {
    const [, alpine] = await putImage("alpine:3");
    enter("# escape=`\nFROM alpine:3\nRUN mkdir /app && chown 1 /app", { "a$`.txt": "a" });
    const image = Image.fromDockerfile("Dockerfile")
      .env({ A: 'x"$\\`' })
      .runCommands("echo `date`")
      .dockerfileCommands(["RUN a `\n  b"])
      .addLocalFile("a$`.txt", "/app/$`/", { strategy: "copy" });
    expect(await render(image)).toEqual([
      "# escape=`",
      `FROM docker.io/library/alpine@${alpine}`,
      "RUN mkdir /app && chown 1 /app",
      'ENV A="x`"`$\\``"',
      "RUN <<'SLIPWAY'",
      "echo `date`",
      "SLIPWAY",
      "RUN a `",
      "  b",
      'COPY --from=slipway-files ["c/3/","/app/`$``/"]',
      "",
    ]);
  });

  test("has every image by digest, whatever names it, also behind ONBUILD where that runs", async () => {
    const [, a] = await putImage("acme/a:1");
    const [, b] = await putImage("acme/b:1");
    enter(
      `FROM acme/a:1 AS base
ONBUILD COPY --from=acme/b:1 /b /b
FROM base
COPY --link --from=acme/b:1 --chown=1 /x /x
RUN --mount=type=bind,from=acme/b:1,target=/b --mount="type=cache,target=/c,from=acme/b:1" \\
    --mount=from=base,target=/d cmd
ONBUILD COPY --from=acme/b:1 /y /y`,
    );
    expect(await render(Image.fromDockerfile("Dockerfile"))).toEqual([
      `FROM docker.io/acme/a@${a} AS base`,
      `ONBUILD COPY --from=docker.io/acme/b@${b} /b /b`,
      "FROM base",
      `COPY --link --from=docker.io/acme/b@${b} --chown=1 /x /x`,
      `RUN --mount=type=bind,from=docker.io/acme/b@${b},target=/b --mount=type=cache,target=/c,from=docker.io/acme/b@${b}     --mount=from=base,target=/d cmd`,
      "",
      "ONBUILD COPY --from=acme/b:1 /y /y",
      "",
    ]);
  });

  test("names the index where a stage runs on the builder's platform, and another platform's manifest where it says so", async () => {
    const [index, , arm64] = await putImage("golang:1.22");
    enter(
      "ARG P=$BUILDPLATFORM\nFROM --platform=$P golang:1.22 AS a\nFROM --platform=aarch64 golang:1.22 AS b\nFROM --platform=$BUILDPLATFORM a\nCOPY --from=b / /",
    );
    const { specs, images } = await resolve(Image.fromDockerfile("Dockerfile"));
    expect(specs.map((spec) => renderDockerfile(spec).text.split("\n").slice(1, 3))).toEqual([
      [
        `FROM --platform=$P docker.io/library/golang@${index} AS a`,
        `FROM --platform=aarch64 docker.io/library/golang@${arm64} AS b`,
      ],
    ]);
    expect(images).toEqual({
      "linux/amd64": {
        "docker.io/library/golang:1.22 builder": index,
        "docker.io/library/golang:1.22 linux/arm64": arm64,
      },
    });
  });

  test("ends a last line whose continuation nothing follows, or that has no line feed", async () => {
    const [, alpine] = await putImage("alpine");
    enter("\uFEFFFROM alpine\r\nRUN a \\\r\n# c\r\n");
    const image = Image.fromDockerfile("Dockerfile").user("x");
    expect(await render(image)).toEqual([
      `FROM docker.io/library/alpine@${alpine}\r`,
      "RUN a \r",
      "",
      "",
      "USER x",
      "",
    ]);
    enter("FROM alpine\nRUN a");
    expect((await render(Image.fromDockerfile("Dockerfile").user("x"))).slice(1)).toEqual(["RUN a", "USER x", ""]);
  });

  test("gets its steps' files from a context that no name in the file hides", async () => {
    await putImage("alpine");
    enter("FROM alpine AS slipway-files\nRUN echo slipway-files_", { a: "" });
    const image = Image.fromDockerfile("Dockerfile").addLocalFile("a", "/x/a", { strategy: "copy" });
    expect((await render(image)).at(-2)).toBe('COPY --from=slipway-files__ --link ["c/0/","/x/"]');
  });
});

describe("what is read of the context", () => {
  const all = { "a.txt": "1", "b.md": "2", "src/x": "3", "src/deep/y": "4", "src/deep/z.test": "5", "other/q": "6" };

  test.each<[string, readonly string[]]>([
    ["COPY a.txt /", ["a.txt"]],
    ["COPY ./src/../a.txt ../b.md /", ["a.txt", "b.md"]],
    ["COPY src /", ["src", "src/deep", "src/deep/y", "src/deep/z.test", "src/x"]],
    ["COPY src/*/y /", ["src", "src/deep", "src/deep/y"]],
    ["COPY ?.txt [b-c].m* no*ne /", ["a.txt", "b.md"]],
    ['COPY ["a.txt", "s\\\\rc/x", "/"]', ["a.txt", "src", "src/x"]],
    ["ADD --exclude=deep/*.test --exclude=x src /", ["src", "src/deep", "src/deep/y"]],
    ["COPY --parents src/./deep/y s*/x /", ["src", "src/deep", "src/deep/y", "src/x"]],
    ["COPY --parents **/*.test /", ["src", "src/deep", "src/deep/z.test"]],
    ["COPY <<a.txt /x\nhere\na.txt", []],
    ["COPY --from=acme/b src /", []],
    ["RUN --mount=target=/m,source=src/deep,type=bind ls", ["src", "src/deep", "src/deep/y", "src/deep/z.test"]],
    ["RUN --mount=type=bind,target=/m,src=a.txt ls", ["a.txt"]],
    ["RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t ls", []],
    ["ENV D=src\nCOPY $D/x ${D}/deep/y /", ["src", "src/deep", "src/deep/y", "src/x"]],
    ["ARG D\nCOPY ${D:-a}.txt /", ["a.txt"]],
    ["ARG TARGETARCH\nCOPY ${TARGETARCH:+a}.txt /", ["a.txt"]],
    ["COPY $OF_BASE/x /", ["src", "src/x"]],
    ["ENV A=a B=$A\nENV C=${B:-b}\nCOPY $C.* /", ["b.md"]],
    ["ONBUILD COPY other /", []],
  ])("by %j is just that", async (lines, paths) => {
    await putImage("acme/a", { Env: ["OF_BASE=src"] });
    await putImage("acme/b");
    enter(`FROM acme/a\n${lines}\n`, all);
    const image = Image.fromDockerfile("Dockerfile");
    const before = (await resolve(image)).hash;
    const changing: string[] = [];
    for (const [path, content] of Object.entries(all)) {
      writeFileSync(path, "changed");
      if ((await resolve(image)).hash !== before) changing.push(path);
      writeFileSync(path, content);
    }
    expect(changing.sort()).toEqual(paths.filter((path) => path in all));
  });

  test("depends on the build arguments", async () => {
    await putImage("alpine");
    enter("ARG A=src\nFROM alpine\nARG A B=none\nCOPY $A/x $B* /", { ...all, "other/x": "7" });
    const buildArgs = { A: "other", B: "b" };
    const image = Image.fromDockerfile("Dockerfile", { buildArgs });
    const before = (await resolve(image)).hash;
    writeFileSync("src/x", "changed");
    expect((await resolve(image)).hash).toBe(before);
    for (const path of ["other/x", "b.md"]) {
      writeFileSync(path, "changed");
      const now = (await resolve(image)).hash;
      expect(now).not.toBe(before);
      writeFileSync(path, path === "b.md" ? "2" : "7");
    }
  });

  test("is chosen by the Dockerfile's own ignore file, in the place of the context's", async () => {
    await putImage("alpine");
    const files = { ".dockerignore": "*\n", "Dockerfile.dockerignore": "*\n!src\nsrc/deep\n!src/deep/y\n", ...all };
    enter("FROM alpine\nCOPY . /", files);
    const image = Image.fromDockerfile("Dockerfile");
    const before = (await resolve(image)).hash;
    for (const path of ["a.txt", "src/deep/z.test", ".dockerignore"]) writeFileSync(path, "changed");
    expect((await resolve(image)).hash).toBe(before);
    writeFileSync("src/deep/y", "changed");
    expect((await resolve(image)).hash).not.toBe(before);
  });

  test("is what a link leads to, where it is a source or on the way to one; inside of a folder it stays a link", async () => {
    await putImage("alpine");
    enter("FROM alpine\nCOPY link way/deep/y tree /", { ...all, "tree/": "" });
    symlinkSync("/a.txt", "link");
    symlinkSync("../../src", "way");
    symlinkSync("/etc/passwd", "tree/out");
    const image = Image.fromDockerfile("Dockerfile");
    const before = (await resolve(image)).hash;
    const changing: string[] = [];
    for (const [path, content] of Object.entries(all)) {
      writeFileSync(path, "changed");
      if ((await resolve(image)).hash !== before) changing.push(path);
      writeFileSync(path, content);
    }
    expect(changing).toEqual(["a.txt", "src/deep/y"]);
  });

  test("by triggers, of a stage and of a base, counts for the stage that they run in", async () => {
    await putImage("acme/on", { Env: ["D=src"], OnBuild: ["COPY $D/x /", "COPY --from=tools /t /t"] });
    await putImage("alpine");
    const text =
      "FROM alpine AS tools\nCOPY b.md /t\nFROM alpine AS p\nONBUILD COPY a.txt /\nFROM p AS q\nFROM acme/on\nCOPY --from=q / /\n";
    enter(text, all);
    const image = Image.fromDockerfile("Dockerfile");
    const before = (await resolve(image)).hash;
    for (const path of ["a.txt", "b.md", "src/x"] as const) {
      writeFileSync(path, "changed");
      expect((await resolve(image)).hash).not.toBe(before);
      writeFileSync(path, all[path]);
    }
    writeFileSync("src/deep/y", "changed");
    expect((await resolve(image)).hash).toBe(before);
  });
});

describe("the hash", () => {
  beforeEach(async () => {
    await putImage("alpine");
    await putImage("acme/b");
  });

  test.each([
    [
      "comments, blank lines and where a line is continued",
      "FROM alpine\nRUN a b",
      "# c\n\nFROM alpine\n# d\nRUN a \\\n# e\nb\n\n",
    ],
    [
      "a syntax or check directive",
      "FROM alpine\nRUN a",
      "# syntax=docker/dockerfile:1\n# check=skip=all\nFROM alpine\nRUN a",
    ],
    [
      "a stage that is not needed",
      "FROM alpine\nRUN a",
      "FROM no/such AS x\nCOPY gone /\nRUN --mount=type=ssh x\nFROM alpine\nRUN a",
    ],
    ["another name of the same image", "FROM alpine\nRUN a", "FROM docker.io/library/alpine:latest\nRUN a"],
    ["a BOM, CRLF outside of here-documents", "FROM alpine\nRUN a", "\uFEFFFROM alpine\r\nRUN a\r\n"],
    [
      "a stage that is not needed, before one that is named by number",
      "FROM alpine\nFROM alpine\nCOPY --from=0 / /",
      "FROM no/such\nFROM alpine\nFROM alpine\nCOPY --from=1 / /",
    ],
    [
      "an earlier stage of a name that comes again",
      "FROM alpine AS a\nRUN x\nFROM alpine AS A\nRUN y\nFROM a\nCOPY --from=A / /",
      "FROM alpine AS a\nRUN z\nFROM alpine AS A\nRUN y\nFROM a\nCOPY --from=A / /",
    ],
  ])("does not see %s", async (_, one, other) => {
    expect(await hashOf(one)).toBe(await hashOf(other));
  });

  test.each<[string, string, string, DockerfileOptions?, DockerfileOptions?]>([
    ["an instruction", "FROM alpine\nRUN a", "FROM alpine\nRUN b"],
    ["the order of instructions", "FROM alpine\nRUN a\nRUN b", "FROM alpine\nRUN b\nRUN a"],
    ["a here-document", "FROM alpine\nRUN <<A\na\nA", "FROM alpine\nRUN <<A\nb\nA"],
    ["CRLF in a here-document", "FROM alpine\nRUN <<A\na\nA", "FROM alpine\nRUN <<A\na\r\nA"],
    ["the escape character", 'FROM alpine\nENV A="b"', '# escape=`\nFROM alpine\nENV A="b"'],
    ["another image", "FROM alpine", "FROM acme/b"],
    ["another image that is copied from", "FROM alpine\nCOPY --from=alpine / /", "FROM alpine\nCOPY --from=acme/b / /"],
    [
      "a needed stage's text",
      "FROM alpine AS a\nRUN x\nFROM alpine\nCOPY --from=a / /",
      "FROM alpine AS a\nRUN y\nFROM alpine\nCOPY --from=a / /",
    ],
    ["the target", "FROM alpine AS a\nFROM a AS b", "FROM alpine AS a\nFROM a AS b", { target: "a" }, { target: "b" }],
    ["a build argument", "FROM alpine\nARG A\nRUN x", "FROM alpine\nARG A\nRUN x", {}, { buildArgs: { A: "1" } }],
  ])("sees %s", async (_, one, other, ofOne = {}, ofOther = {}) => {
    expect(await hashOf(one, {}, ofOne)).not.toBe(await hashOf(other, {}, ofOther));
  });

  test("does not see a build argument that only an unneeded stage declares, nor gives it to the build", async () => {
    const text = "FROM alpine AS a\nARG UNUSED\nFROM alpine AS b";
    expect(await hashOf(text, {}, { buildArgs: { UNUSED: "1" } })).toBe(await hashOf(text));
    const { specs } = await resolve(Image.fromDockerfile("Dockerfile", { buildArgs: { UNUSED: "1" } }));
    expect(specs.map((spec) => renderDockerfile(spec).imported?.buildArgs)).toEqual([{}]);
  });

  test("is one of each platform's own digests and files", async () => {
    enter("FROM alpine\nARG TARGETARCH\nCOPY $TARGETARCH /", { "amd64/x": "1", "arm64/x": "2" });
    const { specs } = await resolve(Image.fromDockerfile("Dockerfile"), "linux/amd64", "linux/arm64");
    expect(new Set(specs.map(hashSpec)).size).toBe(2);
    const trees = specs.map(({ base }) => ("tree" in base ? base.tree : ""));
    expect(new Set(trees).size).toBe(2);
  });

  test("moves with an image's tag, and says which", async () => {
    const before = await hashOf("FROM alpine\nCOPY --from=acme/b / /");
    await putImage("acme/b", { Env: ["NEW=1"] });
    expect((await resolve(Image.fromDockerfile("Dockerfile"))).hash).not.toBe(before);
  });

  test("asks no registry where a lock has all, which is told apart from where it lacks something", async () => {
    await putImage("acme/on", { Env: ["D=src"], OnBuild: ["COPY $D/x /"] });
    enter("FROM --platform=$BUILDPLATFORM alpine AS a\nFROM acme/on\nCOPY --from=a / /\nCOPY --from=acme/b / /", {
      "src/x": "",
    });
    const image = Image.fromDockerfile("Dockerfile").dockerfileCommands(["COPY --from=alpine / /"]);
    const live = new ImageProgram({ folder: process.cwd(), registry, mirrors: [] });
    const before = await live.resolve(image, ["linux/amd64", "linux/arm64"]);
    registry.requests.length = 0;
    const lock = live.bases.resolved;
    const locked = new ImageProgram({ folder: process.cwd(), registry, mirrors: [], lock });
    const after = await locked.resolve(image, ["linux/amd64", "linux/arm64"]);
    expect([before.isLocked, after.isLocked]).toEqual([false, true]);
    expect(after.hash).toBe(before.hash);
    expect(registry.requests).toEqual([]);
    expect(locked.bases.missing).toEqual([]);
    expect(
      (await locked.resolve(image.dockerfileCommands(["COPY --from=acme/on / /"]), ["linux/amd64"])).isLocked,
    ).toBe(true);
    await putImage("acme/c");
    expect((await locked.resolve(image.dockerfileCommands(["COPY --from=acme/c / /"]), ["linux/amd64"])).isLocked).toBe(
      false,
    );
    expect(locked.bases.missing).toEqual(["docker.io/acme/c:latest for linux/amd64"]);
  });

  test("asks for each image once in a program", async () => {
    enter("FROM alpine AS a\nFROM alpine AS b\nCOPY --from=a / /\nFROM b\nCOPY --from=acme/b / /");
    await resolve(Image.fromDockerfile("Dockerfile"));
    const asked = registry.requests.filter((request) => !request.includes("sha256:"));
    expect(asked.sort()).toEqual([
      "GET docker.io/acme/b manifests/latest",
      "GET docker.io/library/alpine manifests/latest",
    ]);
  });
});

describe("is refused in the call, by file and line:", () => {
  test.each<[string, string, DockerfileOptions?]>([
    ["", "Dockerfile:1: it has no FROM. Give a Dockerfile with a stage."],
    ["RUN a", "Dockerfile:1: RUN before any FROM. Mend it: no Dockerfile frontend would read it."],
    [
      "FROM a\nRUN <<E\nx",
      "Dockerfile:2: its here-document E has no end line. Mend it: no Dockerfile frontend would read it.",
    ],
    [
      "FROM a\nmake it",
      "Dockerfile:2: MAKE is no Dockerfile instruction. Mend it: no Dockerfile frontend would read it.",
    ],
    [
      "FROM a\nCOPY x",
      "Dockerfile:2: COPY needs a source and a destination. Mend it: no Dockerfile frontend would read it.",
    ],
    [
      "FROM a b",
      "Dockerfile:1: FROM takes one argument, or three: an image, AS and a name. Mend it: no Dockerfile frontend would read it.",
    ],
    ["FROM a AS 1b", 'Dockerfile:1: "1b" is no name for a stage. Mend it: no Dockerfile frontend would read it.'],
    [
      "FROM a\nONBUILD FROM b",
      "Dockerfile:2: ONBUILD FROM is not allowed. Mend it: no Dockerfile frontend would read it.",
    ],
    [
      "# escape=x\nFROM a",
      "Dockerfile:1: the escape character must be \\ or `. Mend it: no Dockerfile frontend would read it.",
    ],
    [
      "# syntax=acme/frontend:2\nFROM a",
      "Dockerfile:1: # syntax=acme/frontend:2 asks for another frontend than docker/dockerfile. Only Dockerfiles can be imported: what another frontend makes of the text is not known before it runs.",
    ],
    ["FROM a AS One\nFROM b AS two", 'Dockerfile:1: it has no stage "three". Known are one, two.', { target: "three" }],
    ["FROM a", 'Dockerfile:1: it has no stage "0". None of its stages has a name.', { target: "0" }],
    ["FROM ${X}", "Dockerfile:1: FROM ${X} names nothing. Give the ARG a default, or buildArgs."],
    [
      "FROM a:${X:?missing}",
      'Dockerfile:1: "a:${X:?missing}" cannot be expanded: X: missing. See to its quotes and ${…}.',
    ],
    [
      "FROM a-$BUILDARCH",
      "Dockerfile:1: FROM a-$BUILDARCH depends on the builder's platform. Each builder would make another image; use TARGETARCH or TARGETPLATFORM.",
    ],
    [
      "FROM a\nARG BUILDARCH\nCOPY x-$BUILDARCH /",
      "Dockerfile:3: COPY x-$BUILDARCH depends on the builder's platform. Each builder would make another image; use TARGETARCH or TARGETPLATFORM.",
    ],
    [
      "FROM --platform=windows/amd64 a",
      "Dockerfile:1: FROM --platform=windows/amd64 is not built here. Known are linux/amd64, linux/arm64, linux/arm/v7, linux/arm/v6, linux/386, linux/ppc64le, linux/riscv64, linux/s390x.",
    ],
    [
      "FROM a AS x\nFROM X",
      'Dockerfile:2: reference "X": "X" is not a repository path. FROM takes the name of a stage in lower case only.',
    ],
    [
      "FROM a\nCOPY --from=1 / /",
      "Dockerfile:2: --from=1: there is no stage of that number. It has 1, and the first is 0.",
    ],
    [
      "FROM a\nCOPY --from=b / /\nFROM a AS b\nFROM a\nCOPY --from=0 / /",
      "Dockerfile:2: from=b is the stage of line 3, which comes later. A name means the last stage of that name in the file.",
    ],
    [
      "FROM a\nARG I=b\nCOPY --from=$I / /",
      "Dockerfile:3: from=$I: variables are not expanded here. BuildKit does not either: name a stage that starts FROM it.",
    ],
    [
      "FROM a\nADD https://x.example/a /",
      "Dockerfile:2: ADD https://x.example/a has no checksum. What it fetches may change: give --checksum=sha256:…",
    ],
    [
      "FROM a\nADD https://x.example/a.git#v1 /",
      "Dockerfile:2: ADD https://x.example/a.git#v1 names no full commit. A branch or a tag may move: name the commit as #<40 hex digits>.",
    ],
    [
      "FROM a\nADD git@x.example:a.git /",
      "Dockerfile:2: ADD git@x.example:a.git names no full commit. A branch or a tag may move: name the commit as #<40 hex digits>.",
    ],
    [
      "FROM a\nRUN --mount=type=ssh x",
      "Dockerfile:2: RUN --mount=type=ssh: no key can be given to a build. Fetch with a token in a secret instead.",
    ],
    [
      "FROM a\nRUN --mount=type=secret,id=t x",
      'Dockerfile:2: RUN --mount=type=secret,id=t: no secret of that name is given. Give fromDockerfile { secrets: [Secret.fromEnv("…", { id: "t" })] }.',
    ],
    [
      "FROM a\nRUN --security=insecure x",
      "Dockerfile:2: RUN --security=insecure. Builders do not grant it: do without.",
    ],
    [
      "FROM a\nRUN --network=host x",
      "Dockerfile:2: RUN --network=host. Leave it out: the builder decides which network its steps have.",
    ],
    [
      "FROM a\nRUN --device=vendor.com/x x",
      "Dockerfile:2: RUN --device. What a device does is not part of any hash: do without.",
    ],
  ])("%j", (text, message, options) => {
    enter(text);
    expect(sentencesOf(() => Image.fromDockerfile("Dockerfile", options))).toBe(message);
  });

  test("at the user's own line", () => {
    enter("FROM a\nmake");
    let found: unknown;
    try {
      Image.fromDockerfile("Dockerfile"); // here
    } catch (error) {
      found = error;
    }
    expect(found instanceof SlipwayError && lineOf(found)).toContain("// here");
  });

  test.each<[string, unknown, string]>([
    ["gone", undefined, 'fromDockerfile("gone"): gone does not exist'],
    ["Dockerfile", { context: "gone" }, 'fromDockerfile("Dockerfile", …): gone does not exist'],
    ["Dockerfile", { context: "Dockerfile" }, 'fromDockerfile("Dockerfile", …): Dockerfile is a file.'],
    ["Dockerfile", { nope: 1 }, "there is no option nope."],
    ["Dockerfile", { buildArgs: { B: "1" } }, "buildArgs: Dockerfile has no ARG B. It has A."],
    ["Dockerfile", { buildArgs: { A: 1 } }, "buildArgs.A must be a string, it is the number 1."],
    ["Dockerfile", { buildArgs: { TARGETARCH: "x" } }, "buildArgs: TARGETARCH is not yours to give."],
    ["Dockerfile", { buildArgs: { A: { __pulumiOutput: true } } }, "buildArgs.A is a Pulumi Output."],
    ["Dockerfile", { target: "" }, "the target is empty."],
  ])("%j %j", (path, options, message) => {
    enter("ARG A\nFROM a");
    const call = (): unknown => Reflect.apply(Image.fromDockerfile, Image, [path, options]);
    expect(sentencesOf(call)).toContain(message);
  });

  test("a file that is no text", () => {
    enter("");
    writeFileSync("Dockerfile", Buffer.from([0x46, 0xe8]));
    expect(sentencesOf(() => Image.fromDockerfile("Dockerfile"))).toContain("Dockerfile is no text in UTF-8.");
  });
});

describe("is refused when it is hashed, by file and line:", () => {
  test("a source that is missing, ignored or a link to itself", async () => {
    await putImage("alpine");
    enter("FROM alpine\nCOPY a \\\n  gone /", { a: "" });
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toBe(
      `Dockerfile:2: there is no gone in the context (${process.cwd()}). Sources are relative to the context and cannot leave it.`,
    );
    enter("FROM alpine\nCOPY a /", { a: "", ".dockerignore": "a" });
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toBe(
      "Dockerfile:2: the ignore rules leave a out. Mend .dockerignore, or the instruction.",
    );
    enter("FROM alpine\nCOPY a /");
    symlinkSync("a", "a");
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toBe(
      "Dockerfile:2: a is a link that leads to itself. Mend the link.",
    );
    enter("FROM alpine\nRUN --mount=type=bind,source=g*,target=/x ls", { gone: "" });
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toContain("Dockerfile:2: there is no g* in");
  });

  test("an image that does not exist, as a name that --build-context would give", async () => {
    enter("FROM php-base");
    const text = await refusal(() => Image.fromDockerfile("Dockerfile"));
    expect(text).toContain("Dockerfile:1: base docker.io/library/php-base:latest: it was found nowhere.");
    expect(text).toContain("A named context (--build-context) is not known here: name an image.");
  });

  test("what only the base's config tells", async () => {
    await putImage("acme/on", { Env: ["URL=https://x.example/a"], OnBuild: ["COPY --from=acme/b / /"] });
    enter("FROM acme/on");
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toBe(
      "Dockerfile:1: an ONBUILD trigger of its base takes files from acme/b, which cannot be pinned. Start from an image without that trigger.",
    );
    await putImage("acme/counts", { OnBuild: ["COPY --from=0 / /"] });
    enter("FROM scratch\nFROM acme/counts");
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toBe(
      "Dockerfile:2: an ONBUILD trigger of its base takes files from 0, which cannot be pinned. Start from an image without that trigger.",
    );
    await putImage("acme/env", { Env: ["URL=https://x.example/a"] });
    enter("FROM acme/env\nADD $URL /");
    expect(await refusal(() => Image.fromDockerfile("Dockerfile"))).toContain(
      "Dockerfile:2: ADD https://x.example/a has no checksum.",
    );
  });
});

test("secrets that the file mounts are given by id, and are no part of the hash", async () => {
  await putImage("alpine");
  enter("FROM alpine\nRUN --mount=type=secret,id=t --mount=type=secret,target=/run/secrets/u x");
  const secrets = [Secret.fromEnv("TOKEN", { id: "t" }), Secret.fromEnv("U", { id: "u" })];
  const image = Image.fromDockerfile("Dockerfile", { secrets });
  const other = [Secret.fromEnv("OTHER", { id: "t" }), Secret.fromFile("~/u")];
  const { hash } = await resolve(Image.fromDockerfile("Dockerfile", { secrets: other }));
  expect((await resolve(image)).hash).toBe(hash);
  const places = { folder: "/", env: { TOKEN: "1" }, readConfig: () => undefined, hintConfig: () => "" };
  expect(() => readSecrets(image.spec, [], places, image.baseCallSite)).toThrow("secret u: ");
  expect(readSecrets(image.spec, [], { ...places, env: { TOKEN: "1", U: "2" } }).map(({ id }) => id)).toEqual([
    "t",
    "u",
  ]);
  const versioned = [Secret.fromEnv("TOKEN", { id: "t", version: "2" })];
  expect(() => Image.fromDockerfile("Dockerfile", { secrets: versioned })).toThrow("has no version");
});

test.each([
  `ADD --checksum=sha256:${"0".repeat(64)} https://x.example/a /`,
  `ARG S=sha256:${"0".repeat(64)}\nADD --checksum=$S https://x.example/a /`,
  `ADD https://x.example/a.git#${"0".repeat(40)}:docs /`,
  `ADD https://x.example/a.git?commit=${"0".repeat(40)} /`,
  `ADD --checksum=${"0".repeat(40)} git@x.example:a.git#v1 /`,
])("what names its own bytes may be fetched: %s", (line) => {
  enter(`FROM a\n${line}`);
  expect(Image.fromDockerfile("Dockerfile").spec.base).toMatchObject({ kind: "dockerfile" });
});

describe("dockerfileCommands", () => {
  test("name other images by digest, where they are copied from or mounted", async () => {
    const [, base] = await putImage("acme/a");
    const [, other] = await putImage("acme/b");
    const image = Image.base("acme/a").dockerfileCommands([
      "COPY --from=acme/b:latest --chown=1 \\\n  /x /x",
      "RUN --mount=type=bind,from=acme/b,target=/m ls",
      "EXPOSE 1",
    ]);
    const { specs, images } = await resolve(image);
    expect(images).toEqual({ "linux/amd64": { "docker.io/acme/b:latest": other } });
    expect(specs.map((spec) => renderDockerfile(spec).text.split("\n"))).toEqual([
      [
        `FROM docker.io/acme/a@${base}`,
        `COPY --from=docker.io/acme/b@${other} --chown=1   /x /x`,
        "",
        `RUN --mount=type=bind,from=docker.io/acme/b@${other},target=/m ls`,
        "EXPOSE 1",
        "",
      ],
    ]);
  });

  test("have another hash when the image that they name moved", async () => {
    await putImage("acme/a");
    await putImage("acme/b");
    const image = Image.base("acme/a").dockerfileCommands(["COPY --from=acme/b /x /x"]);
    const before = (await resolve(image)).hash;
    await putImage("acme/b", { Env: ["A=1"] });
    expect((await resolve(image)).hash).not.toBe(before);
  });

  test("on an import do not name its stages", () => {
    enter("FROM a AS build\nFROM a");
    const image = Image.fromDockerfile("Dockerfile");
    expect(sentencesOf(() => image.dockerfileCommands(["COPY --from=Build /a /b"]))).toBe(
      "dockerfileCommands([…]): commands[0] has from=Build, a stage of the imported Dockerfile. Copy from it in the Dockerfile itself.",
    );
  });

  test("that name an image which does not exist are told at their own line", async () => {
    await putImage("acme/a");
    const image = Image.base("acme/a").dockerfileCommands(["COPY --from=acme/gone /a /b"]); // here
    const error: unknown = await resolve(image).catch((found: unknown) => found);
    expect(error instanceof SlipwayError && [error.code, lineOf(error).includes("// here")]).toEqual([
      "BASE_UNAVAILABLE",
      true,
    ]);
  });
});

const missing = { existence: { kind: "missing" }, isLocked: true } as const;

describe("the state of an import", () => {
  const text = `FROM node:20 AS build
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build
FROM node:20
ENV NODE_ENV=production
COPY --from=build /app/dist /app
CMD ["node", "/app"]
`;
  const files = { "package.json": "{}", "index.js": "1" };

  async function inputsOf(image: Image, ...platforms: readonly Platform[]): Promise<ImageInputs> {
    const { format, base, images, steps, specs, hash } = await resolve(image, ...platforms);
    const repository = "localhost:5000/images";
    const inputs = { hash, uri: `${repository}:${hash}`, repository, format, base, images, steps };
    const read = readInputs(
      JSON.parse(JSON.stringify({ ...inputs, platforms: specs.map(({ platform }) => platform) })),
    );
    if (read === undefined) throw new Error("the state cannot be read");
    return read;
  }

  test("holds all that the hash and the build need, in at most 4 KB", async () => {
    await putImage("node:20", { OnBuild: ["RUN true"] });
    enter(text, files);
    const image = Image.fromDockerfile("Dockerfile").user("node");
    const inputs = await inputsOf(image, "linux/amd64", "linux/arm64");
    expect(() => checkHash(inputs)).not.toThrow();
    expect(specsOf(inputs)).toEqual((await resolve(image, "linux/amd64", "linux/arm64")).specs);
    expect(JSON.stringify(inputs).length).toBeLessThan(4096);
    expect(JSON.stringify(inputs)).not.toContain(process.cwd());
  });

  test("tells what changed: the line, the files, the image that moved", async () => {
    await putImage("node:20");
    enter(text, files);
    const before = await inputsOf(Image.fromDockerfile("Dockerfile"));
    const tell = async (options?: DockerfileOptions): Promise<string> =>
      explainNew(before, await inputsOf(Image.fromDockerfile("Dockerfile", options)), undefined).replace(
        /; whether.*/,
        "",
      );
    writeFileSync("Dockerfile", text.replace("RUN npm ci", "# faster\nRUN npm ci --prefer-offline"));
    expect(await tell()).toBe("Dockerfile:5 RUN npm ci → RUN npm ci --prefer-offline");
    writeFileSync("Dockerfile", text.replace("CMD", "USER node\nCMD"));
    expect(await tell()).toBe("Dockerfile:10 + USER node");
    writeFileSync("Dockerfile", text.replace("ENV NODE_ENV=production\n", ""));
    expect(await tell()).toBe("Dockerfile - ENV NODE_ENV=production");
    writeFileSync("Dockerfile", text);
    expect(await tell({ target: "build" })).toBe("Dockerfile - FROM docker.io/library/node:20");
    writeFileSync("index.js", "2");
    expect(await tell()).toBe("Dockerfile: files changed");
    writeFileSync("index.js", "1");
    await putImage("node:20", { Env: ["A=1"] });
    expect(await tell()).toMatch(/^base docker.io\/library\/node:20 moved sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}$/);
  });

  test("tells a changed build argument, and another base", async () => {
    await putImage("node:20");
    enter(`ARG V=1\n${text}`, files);
    const before = await inputsOf(Image.fromDockerfile("Dockerfile"));
    const after = await inputsOf(Image.fromDockerfile("Dockerfile", { buildArgs: { V: "2" } }));
    expect(explainNew(before, after, missing)).toBe("builds Dockerfile: Dockerfile: buildArgs + V");
    const other = await inputsOf(Image.base("node:20"));
    expect(explainNew(before, other, missing)).toBe(
      "builds from the base, 0 steps: base Dockerfile → docker.io/library/node:20",
    );
  });

  test("tells an image of dockerfileCommands that moved, at its step", async () => {
    await putImage("node:20");
    await putImage("acme/b");
    enter("");
    const image = Image.base("node:20").user("a").dockerfileCommands(["COPY --from=acme/b / /"]);
    const before = await inputsOf(image);
    await putImage("acme/b", { Env: ["A=1"] });
    expect(explainNew(before, await inputsOf(image), missing)).toMatch(
      /^builds from step 2 of 2: base docker.io\/acme\/b:latest moved sha256:/,
    );
  });
});
