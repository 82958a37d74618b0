import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parseBuilderChoice } from "../../../provider/builder-choice";
import { prepareBuildx } from "../../../provider/buildx";
import { Leftovers } from "../../../provider/leftovers";
import { Image } from "../../../sdk/image";
import { parseReference } from "../../../sdk/reference";
import { environmentBuilder, newFolder, newRepository, publish, readImage } from "../real-parts";
import { corpusImages, type CorpusCase } from "./corpus";

const run = promisify(execFile);

/** Stands in for every tool that the corpus calls: writes down how it was called, and on which files. */
const TOOL = String.raw`#!/bin/sh
out=
previous=
for word in "$@"; do
  [ "$previous" = -o ] && out=$word
  previous=$word
done
name=$(basename "$0")
report=$( echo "$name $*"; [ "$PWD" = / ] || find . -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum )
if [ -n "$out" ]; then
  mkdir -p "$(dirname "$out")"
  [ -d "$out" ] && out=$out/$name
  echo "$report" > "$out"
  chmod 755 "$out"
  exit
fi
[ "$PWD" = / ] && exit
mkdir -p node_modules/.bin dist target/release build .venv/bin
for folder in node_modules dist target/release build .venv/bin; do echo "$report" > $folder/$name.txt; done
`;
const TOOLS =
  "apt-get bundle cargo cmake corepack docker-php-ext-install dotnet go mvn ninja npm npx pip pnpm poetry uv";

/** Where the images of the corpus are: the mirrors that lead there, and each one's name. */
export interface StandIns {
  readonly mirrors: string;
  readonly placeOf: (name: string) => string;
}

/** Pushes a stand-in for every image of the corpus. A test's folder is the working directory's then. */
export async function pushStandIns(): Promise<StandIns> {
  const folder = newFolder();
  const root = newRepository();
  const base = `${root.split("/")[0] ?? ""}/library/python:3.11-slim-bookworm`;
  writeFileSync(join(folder, "tool"), TOOL);
  writeFileSync(
    join(folder, "Dockerfile"),
    String.raw`FROM ${base} AS plain
COPY --chmod=755 tool /usr/local/bin/tool
RUN for name in ${TOOLS}; do ln -sf tool /usr/local/bin/$name; done
FROM plain AS onbuild
ENV APP_DIR=app
ONBUILD COPY trigger.txt /trigger.txt
ONBUILD COPY $APP_DIR/a.txt /by-variable.txt
ONBUILD RUN echo triggered > /by-base
`,
  );
  const placeOf = (name: string): string => {
    const { host, path, tag = "latest" } = parseReference(name);
    return `${root}/${host}/${path}:${tag}`;
  };
  const isOnbuild = (name: string): boolean => name.includes("onbuild");
  await push(folder, "plain", corpusImages.filter((name) => !isOnbuild(name)).map(placeOf));
  await push(folder, "onbuild", corpusImages.filter(isOnbuild).map(placeOf));
  const hosts = [...new Set(corpusImages.map((name) => parseReference(name).host))];
  return { mirrors: hosts.map((host) => `${host}=${root}/${host}`).join(","), placeOf };
}

function push(folder: string, target: string, names: readonly string[]): Promise<string> {
  const output = `type=image,"name=${names.join(",")}",push=true,oci-mediatypes=true`;
  return build(["--target", target, "--provenance=false", "--output", output, folder], folder);
}

/** Runs buildx, and returns the digest of what it built. */
async function build(args: readonly string[], folder: string): Promise<string> {
  const prepared = await prepareBuildx(parseBuilderChoice(environmentBuilder), new Leftovers(newFolder()), process.env);
  const metadata = join(newFolder(), "metadata.json");
  const all = [...prepared.prefix, "build", ...prepared.builderArgs, "--metadata-file", metadata, ...args];
  await run(prepared.command, all, { env: prepared.env, cwd: folder });
  const parsed: { readonly "containerimage.digest": string } = JSON.parse(readFileSync(metadata, "utf8"));
  return parsed["containerimage.digest"];
}

/** What buildx makes of a case, and what an import makes of it: the digests of their layers, and their configs. */
export async function buildBoth(one: CorpusCase, standIns: StandIns): Promise<{ plain: Look; imported: Look }> {
  const folder = newFolder();
  const path = one.path ?? "Dockerfile";
  writeFiles(folder, { [path]: one.dockerfile, ...one.files });
  const plain = await buildPlain(one, folder, standIns);
  process.chdir(folder);
  process.env["SLIPWAY_MIRRORS"] = standIns.mirrors;
  const image = Image.fromDockerfile(path, {
    context: ".",
    ...(one.target === undefined ? {} : { target: one.target }),
    ...(one.buildArgs === undefined ? {} : { buildArgs: one.buildArgs }),
  });
  const ours = await publish(image);
  return { plain: await look(plain), imported: await look(ours.ref) };
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name.replace(/\*$/, ""));
    mkdirSync(dirname(path), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), path);
    else {
      writeFileSync(path, content);
      chmodSync(path, name.endsWith("*") ? 0o755 : 0o644);
    }
  }
}

/** As a user does it, but with the same output; no registry has a frontend here, so a line that asks for one goes. */
async function buildPlain(one: CorpusCase, folder: string, standIns: StandIns): Promise<string> {
  const repository = newRepository();
  const other = join(newFolder(), "Dockerfile");
  writeFileSync(other, one.dockerfile.replace(/^(\uFEFF?)# syntax=.*\n/, "$1"));
  const ignore = one.files[`${one.path ?? "Dockerfile"}.dockerignore`];
  if (ignore !== undefined) writeFileSync(`${other}.dockerignore`, ignore);
  const images = corpusImages.flatMap((name) => [
    "--build-context",
    `${name.replace(/^docker\.io\/(library\/)?/, "")}=docker-image://${standIns.placeOf(name)}`,
  ]);
  const output = [
    `type=image,"name=${repository}",push=true,push-by-digest=true,name-canonical=true,store=false`,
    "oci-mediatypes=true,rewrite-timestamp=true,compression=zstd",
  ].join(",");
  const digest = await build(
    [
      ...["--platform", "linux/amd64", "--provenance=false", "--build-arg", "SOURCE_DATE_EPOCH=0"],
      ...(one.target === undefined ? [] : ["--target", one.target]),
      ...Object.entries(one.buildArgs ?? {}).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
      ...images,
      ...["--file", other, "--output", output, folder],
    ],
    folder,
  );
  return `${repository}@${digest}`;
}

interface Look {
  readonly config: unknown;
  readonly layers: readonly string[];
}

async function look(ref: string): Promise<Look> {
  const { manifest, config } = await readImage(ref);
  return { config, layers: manifest.layers.map(({ digest }) => digest) };
}
