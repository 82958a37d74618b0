import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";
import { newRepository, publish } from "../integration/real-parts";
import { dumpProgram, readDumps, type Dump } from "./dump-program";
import { givenCommand } from "./hostile-strings";
import { hostileText } from "./hostile-texts";
import { ImageReader, type ImageFiles } from "./image-files";
import { Random } from "./random";

export interface BuildRun {
  readonly builds: number;
  /** Values that were read back in the image or its config. */
  readonly values: number;
  readonly different: readonly string[];
}

/** What is given to one image, all of it hostile. */
interface Given {
  readonly variables: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly commands: readonly string[];
  readonly packages: readonly string[];
  readonly options: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly destination: string;
  readonly names: readonly string[];
  readonly targets: readonly string[];
  /** What the image stands on: an imported Dockerfile gets build arguments. */
  readonly base: "image" | "Dockerfile" | "Dockerfile with another escape";
  readonly buildArgs: readonly string[];
  /** A variable's, a file's, and the file's name. */
  readonly secrets: { readonly variable: string; readonly file: string; readonly fileName: string };
}

const copy = { strategy: "copy" } as const;
const PATH = "/fake:/usr/local/bin:/usr/bin:/bin";
const BASE = "python:3.11-slim-bookworm";
const base = Image.base(BASE);
const bases = ["Dockerfile with another escape", "image", "Dockerfile"] as const;

/** Builds images out of hostile texts for real, and reads every text back: in the image, and from its config. */
export async function buildHostileImages(options: {
  readonly seed: number;
  readonly count: number;
}): Promise<BuildRun> {
  const random = new Random(options.seed);
  const place = mkdtempSync(join(tmpdir(), "slipway-hostile-"));
  const reader = new ImageReader();
  const comparison = new Comparison();
  try {
    writeTools(join(place, "fake"));
    const dockerfile = join(place, "Dockerfile");
    writeFileSync(dockerfile, "FROM scratch\nARG VALUE\n");
    for (let index = 0; index < options.count; index += 1) {
      const given = choose(random, dockerfile, bases[index % bases.length] ?? "image");
      const folder = join(place, String(index));
      writeNames(folder, given);
      const repository = newRepository();
      const env = { ...process.env, HOSTILE_SECRET: given.secrets.variable };
      // Python's tarfile reads gzip.
      const { hash } = await publish(makeImage(place, folder, given), { repository, env, compression: "gzip" });
      comparison.compare(given, await readDumps(reader, repository, hash), await reader.read(repository, hash, "srv"));
    }
    return { builds: options.count, ...comparison.result() };
  } finally {
    reader.end();
    rmSync(place, { recursive: true, force: true });
  }
}

/** In the place of a shell, pip and uv stands a program that only notes what it was given. */
function writeTools(folder: string): void {
  mkdirSync(folder);
  for (const name of ["dump", "python3", "uv"]) {
    writeFileSync(join(folder, name), dumpProgram);
    chmodSync(join(folder, name), 0o755);
  }
}

function makeImage(place: string, folder: string, given: Given): Image {
  const { options: extraOptions, packages } = given;
  const secrets = [
    Secret.fromEnv("HOSTILE_SECRET"),
    Secret.fromFile(join(`${folder}-import`, given.secrets.fileName), { id: "hostile-file" }),
  ];
  return makeBase(`${folder}-import`, given)
    .addLocalDir(join(place, "fake"), "/fake", copy)
    .dockerfileCommands(['SHELL ["/fake/dump"]'])
    .env({ ...given.variables, PATH })
    .workdir(`/work/${given.workdir}`)
    .runCommands(...given.commands, { secrets })
    .pipInstall(packages, { extraOptions, findLinks: extraOptions })
    .pipInstall(packages, { extraOptions, installer: "uv" })
    .entrypoint(given.entrypoint)
    .cmd(given.cmd)
    .addLocalDir(folder, `/srv/${given.destination}`, copy);
}

function makeBase(folder: string, { base: kind, buildArgs, secrets }: Given): Image {
  mkdirSync(folder);
  writeFileSync(join(folder, secrets.fileName), secrets.file);
  if (kind === "image") return base;
  const args = Object.fromEntries(buildArgs.map((value, index) => [`VALUE_${index}`, value]));
  const lines = Object.keys(args).map((name) => `ARG ${name}=default\nENV GIVEN_${name}=\${${name}}`);
  const directive = kind === "Dockerfile" ? [] : ["# escape=`"];
  const dockerfile = join(folder, "Dockerfile");
  writeFileSync(dockerfile, [...directive, `FROM ${BASE} AS runtime`, ...lines, "FROM scratch", ""].join("\n"));
  return Image.fromDockerfile(dockerfile, { target: "runtime", buildArgs: args });
}

/** Texts that each call takes: the others are refused, which emitHostileTexts sees. */
function choose(random: Random, dockerfile: string, kind: Given["base"]): Given {
  const take = (call: (text: string) => unknown, count: number): readonly string[] =>
    Array.from({ length: count }, () => {
      for (;;) {
        const text = hostileText(random);
        try {
          call(text);
          return text;
        } catch {
          // Refused.
        }
      }
    });
  const isPath = (text: string) => {
    if (text.includes("..") || text === "" || /^\.?$/.test(text)) throw new Error("this leads to another place");
    base.workdir(`/srv/${text}`);
  };
  const isName = (text: string) => {
    const isPossible = !/[/\0]/.test(text) && text.isWellFormed() && Buffer.byteLength(text) < 250;
    if (!isPossible || /^\.{0,2}$|^\.wh\./.test(text)) throw new Error("no file has this name");
  };
  const isTarget = (text: string) => {
    isPath(text);
    if (text.startsWith("/") || Buffer.byteLength(text) > 1000) throw new Error("this leads out of the folder");
  };
  const isBuildArg = (text: string) => {
    if (text.length > 40_000) throw new Error("four of them would be too much");
    Image.fromDockerfile(dockerfile, { buildArgs: { VALUE: text } });
  };
  const isSecret = (text: string) => {
    if (text === "" || text.includes("\0") || !text.isWellFormed() || text.length > 40_000)
      throw new Error("no secret");
  };
  const isFileName = (text: string) => {
    isName(text);
    Secret.fromFile(text, { id: "x" });
  };
  const values = take((text) => base.env({ A: text }), 6);
  return {
    variables: Object.fromEntries(values.map((value, index) => [`HOSTILE_${index}`, value])),
    workdir: take(isPath, 1).join(""),
    commands: take((text) => base.runCommands(text), 4),
    packages: take((text) => base.pipInstall([text], { installer: "uv" }), 3),
    options: take((text) => base.pipInstall(["x"], { extraOptions: [text], findLinks: [text], installer: "uv" }), 2),
    entrypoint: take((text) => base.entrypoint([text]), 2),
    cmd: take((text) => base.cmd([text]), 3),
    destination: take(isPath, 1).join(""),
    names: take(isName, 6),
    targets: take(isTarget, 2),
    base: kind,
    buildArgs: kind === "image" ? [] : take(isBuildArg, 4),
    secrets: {
      variable: take(isSecret, 1).join(""),
      file: take(isSecret, 1).join(""),
      fileName: take(isFileName, 1).join(""),
    },
  };
}

/** Each in a folder of its own, so that no two are alike. */
function writeNames(folder: string, { names, targets }: Given): void {
  for (const [index, name] of names.entries()) {
    mkdirSync(join(folder, `n${index}`), { recursive: true });
    writeFileSync(join(folder, `n${index}`, name), name);
  }
  for (const [index, target] of targets.entries()) symlinkSync(target, join(folder, `n${index}`, "0-link"));
}

class Comparison {
  readonly #different: string[] = [];
  #values = 0;

  compare(
    given: Given,
    { dumps, config }: { dumps: readonly Dump[]; config: ImageFiles["config"] },
    srv: ImageFiles,
  ): void {
    const shells = dumps.filter(({ args }) => args[0] === "/fake/dump");
    given.commands.forEach((command, index) => {
      const shell = shells[index];
      this.#see("command", givenCommand(shell?.script ?? shell?.args[1] ?? "", command), command);
    });
    const last = shells.at(-1);
    for (const [name, value] of Object.entries(given.variables)) {
      this.#see("variable of a step", last?.env[name], value);
      this.#see("variable of the image", envOf(config)[name], value);
    }
    this.#see("secret in a variable", last?.env["HOSTILE_SECRET"], given.secrets.variable);
    this.#see("secret in a file", last?.secrets["hostile-file"], given.secrets.file);
    for (const [index, value] of given.buildArgs.entries()) {
      this.#see("build argument in a step", last?.env[`GIVEN_VALUE_${index}`], value);
      this.#see("build argument in the image", envOf(config)[`GIVEN_VALUE_${index}`], value);
    }
    const workdir = clean(`/work/${given.workdir}`);
    this.#see("folder of a step", last?.folder, workdir);
    this.#see("folder of the image", config.config["WorkingDir"], workdir);
    const { packages, options, names, targets } = given;
    const links = options.flatMap((option) => ["--find-links", option]);
    const pip = dumps.find(({ args }) => args[0] === "/fake/python3" && !args.includes("--target"));
    this.#see("end of pip's arguments", pip?.args.slice(-9), [...links, ...options, ...packages]);
    const uv = dumps.find(({ args }) => args[0] === "/fake/uv");
    this.#see("end of uv's arguments", uv?.args.slice(-5), [...options, ...packages]);
    this.#see("programs that were run", dumps.length, given.commands.length + 3);
    this.#see("entrypoint", config.config["Entrypoint"], given.entrypoint);
    this.#see("command of the image", config.config["Cmd"], given.cmd);
    const place = clean(given.destination).replace(/^\//, "");
    const files = srv.entries.filter(({ type }) => type !== "dir");
    const found = files.map(({ path, target, hex = "" }) => [path, target ?? Buffer.from(hex, "hex").toString("utf8")]);
    const wanted = [
      ...names.map((name, index) => [`${place}/n${index}/${name}`, name]),
      ...targets.map((target, index) => [`${place}/n${index}/0-link`, target]),
    ];
    const sorted = (pairs: readonly string[][]) => pairs.map((pair) => JSON.stringify(pair)).toSorted();
    this.#see("files", sorted(found), sorted(wanted));
  }

  result(): Omit<BuildRun, "builds"> {
    return { values: this.#values, different: this.#different };
  }

  #see(what: string, found: unknown, given: unknown): void {
    this.#values += Array.isArray(given) ? given.length : 1;
    const texts = [found, given].map((value) => JSON.stringify(value) ?? "nothing");
    if (texts[0] === texts[1]) return;
    this.#different.push(`${what}: ${texts.map((text) => text.slice(0, 500)).join(" instead of ")}`);
  }
}

const clean = (path: string) => posix.normalize(path).replace(/(.)\/$/s, "$1");

function envOf({ config }: ImageFiles["config"]): Readonly<Record<string, string>> {
  const list = Array.isArray(config["Env"]) ? config["Env"].map(String) : [];
  return Object.fromEntries(list.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}
