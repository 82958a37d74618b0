import {
  checkImagePath,
  checkList,
  checkNonEmpty,
  checkOptions,
  checkString,
  describeCall,
  fail,
  isOutput,
  type Call,
} from "./arguments";
import { readCallSite, type CallSite } from "./call-site";
import { checkDockerfile } from "./dockerfile-arguments";
import { SlipwayError } from "./error";
import { checkLengths } from "./buildable";
import { checkDirOptions, checkLocalOptions, checkSource, type Strategy } from "./local-arguments";
import { checkMount } from "./mount";
import { checkPackage, checkPipOptions, withSecrets } from "./pip-arguments";
import { formatReference, parseReference } from "./reference";
import { FORMAT, type ImageSpec } from "./spec";
import {
  checkAptPackage,
  checkArgs,
  checkInstruction,
  checkRunCommand,
  checkUser,
  checkVariables,
} from "./step-arguments";
import { checkSecrets, refuseOtherSource, type Secret } from "./secret";
import { secretsOf, type CopyDirStep, type CopyFileStep, type Step } from "./step";

/** Options of a step that runs something. */
export interface RunOptions {
  /** What the commands have while they run, and nothing keeps. */
  readonly secrets?: readonly Secret[];
}

/**
 * How pip installs. None of it may hold credentials; in URLs, `$NAME` stands for the secret that is the variable NAME.
 */
export interface PipOptions {
  /** The package index instead of PyPI. */
  readonly indexUrl?: string;
  readonly extraIndexUrls?: readonly string[];
  /** Pages or folders of the image with wheels. */
  readonly findLinks?: readonly string[];
  /** Take pre-releases. */
  readonly pre?: boolean;
  /** Further options of the installer, each one argument, for example `["--no-deps"]`. */
  readonly extraOptions?: readonly string[];
  /** Default `pip`. `uv` is fetched for the step and leaves nothing behind. */
  readonly installer?: "pip" | "uv";
  /** Logins of private indexes. A file with the id `netrc` or `pip.conf` is taken for what its name says. */
  readonly secrets?: readonly Secret[];
}

/** How a Dockerfile is built. */
export interface DockerfileOptions {
  /** The folder that its COPY and ADD read. Default: the Dockerfile's own. */
  readonly context?: string | URL;
  /** The stage that is the image. Default: the last one. */
  readonly target?: string;
  /** Values of its ARGs. They are in the image's history: never give a secret here. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** What its `RUN --mount=type=secret` name by id. */
  readonly secrets?: readonly Secret[];
}

/** How local files reach the container. */
export interface LocalOptions {
  /** `copy`: in the image, as part of its hash. `mount`, the default: when the container starts, beside the image. */
  readonly strategy?: Strategy;
}

/** How a local folder reaches the container. Patterns are those of a `.dockerignore`: `tests`, `*.md`, `!README.md`. */
export interface LocalDirOptions extends LocalOptions {
  /** What is not copied. It comes after the folder's own `.dockerignore`, which it cannot undo. */
  readonly ignore?: readonly string[];
  /** What is copied though the default leaves it out; a folder with all that it holds. `["**"]` is everything. */
  readonly include?: readonly string[];
}

/**
 * A container image, declared. Immutable: every method returns a new Image and leaves its receiver as it was. Nothing
 * runs and no network is used; wrong arguments throw at the line that gives them.
 *
 * @example
 * ```ts
 * const api = Image.debianSlim("3.11").pipInstall(["requests", "pandas>=2.0"]).workdir("/app");
 * console.log(api.spec.steps.length); // 2
 * ```
 */
export class Image {
  readonly spec: ImageSpec;
  /** Where each step was written; no part of the spec, so no part of the hash. */
  readonly callSites: readonly (CallSite | undefined)[];
  /** Where each mount was written. */
  readonly mountCallSites: readonly (CallSite | undefined)[];
  /** Where the Dockerfile was imported. */
  readonly baseCallSite: CallSite | undefined;

  /** @internal */
  constructor(
    spec: ImageSpec,
    callSites: readonly (CallSite | undefined)[],
    mountCallSites: readonly (CallSite | undefined)[],
    baseCallSite?: CallSite,
  ) {
    this.spec = deepFreeze(spec);
    this.callSites = Object.freeze([...callSites]);
    this.mountCallSites = Object.freeze([...mountCallSites]);
    this.baseCallSite = baseCallSite;
    Object.freeze(this);
  }

  /**
   * Python on Debian bookworm: the official `python:<version>-slim-bookworm`.
   *
   * @param version default `"3.12"`; a patch version such as `"3.11.9"` is welcome.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * console.log(Image.debianSlim("3.11").spec.base); // docker.io/library/python:3.11-slim-bookworm
   * ```
   */
  static debianSlim(version: string = "3.12"): Image {
    const call = { text: describeCall("debianSlim", version), callSite: readCallSite() };
    if (typeof version === "number") {
      throw fail(call, "the Python version is a number.", 'Write it as a string: as a number, "3.10" would be 3.1.');
    }
    const text = checkString(call, "the Python version", version);
    if (!/^3\.\d{1,2}(\.\d{1,2})?$/.test(text)) {
      throw fail(call, `${JSON.stringify(text)} is not a Python version.`, 'Write "3.11" or "3.11.9".');
    }
    return new Image(
      { format: FORMAT, base: `docker.io/library/python:${text}-slim-bookworm`, steps: [], mounts: [] },
      [],
      [],
    );
  }

  /**
   * Any image as the base, by tag or digest.
   *
   * @throws SlipwayError INVALID_REFERENCE
   * @example
   * ```ts
   * console.log(Image.base("ubuntu:24.04").spec.base); // docker.io/library/ubuntu:24.04
   * ```
   */
  static base(reference: string): Image {
    const call = { text: describeCall("base", reference), callSite: readCallSite() };
    const text = checkNonEmpty(call, "the reference", reference);
    try {
      return new Image({ format: FORMAT, base: formatReference(parseReference(text)), steps: [], mounts: [] }, [], []);
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      throw fail(call, error.text, error.hint, error.code);
    }
  }

  /**
   * What a Dockerfile builds. Further steps stand at the end of its target's stage, as if they were written there. Only
   * what the target needs counts: its stages, the files that they copy or mount, the images that they start from or
   * copy from (by digest), the build arguments that they declare. What could differ from one build to the next is
   * refused: a remote ADD without a checksum, a git source without a full commit.
   *
   * @param path relative to the program's folder, or absolute.
   * @throws SlipwayError INVALID_ARGUMENT, LOCAL_PATH, INVALID_DOCKERFILE
   * @example
   * ```ts
   * Image.fromDockerfile("./Dockerfile", { context: ".", target: "runtime", buildArgs: { VERSION: "2" } }).user("worker");
   * ```
   */
  static fromDockerfile(path: string | URL, options?: DockerfileOptions): Image {
    const call = { text: describeCall("fromDockerfile", path, options !== undefined), callSite: readCallSite() };
    const base = checkDockerfile(call, path, options);
    return new Image({ format: FORMAT, base, steps: [], mounts: [] }, [], [], call.callSite);
  }

  /**
   * Installs Python packages, in one layer. An empty list changes nothing.
   *
   * @param packages requirement specifiers (PEP 508), for example `pandas>=2.0`.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").pipInstall(["requests", "pandas>=2.0"], { extraOptions: ["--no-deps"] });
   * ```
   */
  pipInstall(packages: readonly string[], options?: PipOptions): Image {
    const call = { text: describeCall("pipInstall", packages, options !== undefined), callSite: readCallSite() };
    const settings = checkPipOptions(call, options);
    const expanding = withSecrets(call, settings.secrets);
    const checked = checkList(call, "packages", packages, (name, value) => checkPackage(expanding, name, value));
    return checked.length === 0 ? this : addStep(this, call, { kind: "pip", packages: checked, ...settings });
  }

  /**
   * Installs what a requirements file lists, in one layer. Files that it names by `-r` and `-c` come along.
   *
   * @param path relative to the program's folder.
   * @throws SlipwayError INVALID_ARGUMENT, LOCAL_PATH
   * @example
   * ```ts
   * Image.debianSlim("3.11").pipInstallFromRequirements("requirements.txt");
   * ```
   */
  pipInstallFromRequirements(path: string | URL, options?: PipOptions): Image {
    const callSite = readCallSite();
    const call = { text: describeCall("pipInstallFromRequirements", path, options !== undefined), callSite };
    const source = checkSource(call, path, "requirements");
    return addStep(this, call, { kind: "pipRequirements", source, ...checkPipOptions(call, options) });
  }

  /**
   * Installs Debian or Ubuntu packages, in one layer, without what they only recommend. An empty list changes nothing.
   *
   * @param packages names, with `=version` where one is meant.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").aptInstall(["git", "curl"]);
   * ```
   */
  aptInstall(packages: readonly string[]): Image {
    const call = { text: describeCall("aptInstall", packages), callSite: readCallSite() };
    const checked = checkList(call, "packages", packages, (name, value) => checkAptPackage(call, name, value));
    return checked.length === 0 ? this : addStep(this, call, { kind: "apt", packages: checked });
  }

  /**
   * Runs shell commands, a layer each. A command of several lines stops at the first that fails; one that begins with
   * `#!` is run by the interpreter that it names.
   *
   * @param args commands; the last argument may be `{ secrets: [Secret.fromEnv("TOKEN")] }`, for all of them.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").runCommands("make -C /src install", "ldconfig");
   * ```
   */
  runCommands(...args: readonly string[] | readonly [...commands: readonly string[], options: RunOptions]): Image {
    const { commands, options } = splitOptions(args);
    const text = describeCall("runCommands", commands[0], args.length > 1);
    const call: Call = { text, callSite: readCallSite() };
    const secrets = checkSecrets(call, checkOptions(call, options, ["secrets"])["secrets"]);
    const own = secrets.length === 0 ? {} : { secrets };
    // With secrets, a variable in a URL may come from a file that the command reads.
    const running: Call = secrets.length === 0 ? call : { ...call, allowed: "any" };
    const checked = commands.map((command, index) => checkRunCommand(running, `command ${index + 1}`, command));
    return checked.reduce<Image>((image, command) => addStep(image, call, { kind: "run", command, ...own }), this);
  }

  /**
   * Adds Dockerfile instructions as they are. Images that `COPY --from` or a mount names are pinned by digest. What
   * would read something that the hash does not cover is refused: FROM, COPY, ADD and bind mounts from the local
   * context, a remote ADD without a checksum.
   *
   * @throws SlipwayError INVALID_ARGUMENT, INVALID_DOCKERFILE
   * @example
   * ```ts
   * Image.debianSlim("3.11").dockerfileCommands(["EXPOSE 8080", "RUN useradd -m worker", "USER worker"]);
   * ```
   */
  dockerfileCommands(commands: readonly string[]): Image {
    const call = { text: describeCall("dockerfileCommands", commands), callSite: readCallSite() };
    const checked = checkList(call, "commands", commands, (name, value) =>
      checkInstruction(call, name, value, this.spec.base),
    );
    return checked.length === 0 ? this : addStep(this, call, { kind: "dockerfile", commands: checked });
  }

  /**
   * Sets the folder in which later steps and the container run; it is made when it is missing.
   *
   * @param path absolute, without `..`.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").workdir("/app");
   * ```
   */
  workdir(path: string): Image {
    const call = { text: describeCall("workdir", path), callSite: readCallSite() };
    return addStep(this, call, { kind: "workdir", path: checkImagePath(call, "the path", path) });
  }

  /**
   * Sets environment variables, for later steps and the container. Values arrive exactly as given: `$` is no variable.
   *
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").env({ PROJECT_ROOT: "/app", PRICE: "5 $" });
   * ```
   */
  env(variables: Readonly<Record<string, string>>): Image {
    const call = { text: describeCall("env", variables), callSite: readCallSite() };
    const checked = checkVariables(call, variables);
    return Object.keys(checked).length === 0 ? this : addStep(this, call, { kind: "env", variables: checked });
  }

  /**
   * Sets the user of later steps and the container.
   *
   * @param user a name or an id of the image, with a group where one is meant: `worker`, `1000:1000`.
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").runCommands("useradd -m worker").user("worker");
   * ```
   */
  user(user: string): Image {
    const call = { text: describeCall("user", user), callSite: readCallSite() };
    return addStep(this, call, { kind: "user", user: checkUser(call, user) });
  }

  /**
   * Sets the program that the container runs, without a shell.
   *
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").entrypoint(["python3", "-m", "http.server"]);
   * ```
   */
  entrypoint(args: readonly string[]): Image {
    const call = { text: describeCall("entrypoint", args), callSite: readCallSite() };
    return addStep(this, call, { kind: "entrypoint", args: checkArgs({ ...call, allowed: "any" }, args) });
  }

  /**
   * Sets the command, or the arguments of the entrypoint, without a shell.
   *
   * @throws SlipwayError INVALID_ARGUMENT
   * @example
   * ```ts
   * Image.debianSlim("3.11").cmd(["python3", "/app/main.py"]);
   * ```
   */
  cmd(args: readonly string[]): Image {
    const call = { text: describeCall("cmd", args), callSite: readCallSite() };
    return addStep(this, call, { kind: "cmd", args: checkArgs({ ...call, allowed: "any" }, args) });
  }

  /**
   * Brings a local file: as a mount, when the container starts, or as a copy in the image. It is root's and has mode
   * 0644, or 0755 where its owner may execute it. A mount is no part of the hash, and no build step sees it.
   *
   * @param path relative to the program's folder, or absolute.
   * @param destination absolute; with a `/` at its end, the folder that receives it.
   * @throws SlipwayError INVALID_ARGUMENT, LOCAL_PATH
   * @example
   * ```ts
   * Image.debianSlim("3.11")
   *   .addLocalFile("app.py", "/app/app.py")
   *   .addLocalFile("model.json", "/app/model.json", { strategy: "copy" });
   * ```
   */
  addLocalFile(path: string | URL, destination: string, options?: LocalOptions): Image {
    const callSite = readCallSite();
    const call = { text: describeCall("addLocalFile", path, options !== undefined), callSite };
    const strategy = checkLocalOptions(call, options);
    const source = checkSource(call, path, "file");
    const target = checkImagePath(call, "the destination", destination);
    const isFolder = /\/\.?$/.test(destination);
    const name = source.split("/").at(-1) ?? "";
    const full = isFolder ? `${target === "/" ? "" : target}/${name}` : target;
    return addLocal(this, call, strategy, { kind: "copyFile", source, destination: full });
  }

  /**
   * Brings what a local folder holds, as {@link Image.addLocalFile} brings a file; folders have mode 0755. Links stay
   * links; one that leads out of the folder is refused.
   *
   * Credentials and rubbish are left out by default, at any depth: `.env`, `.git`, `node_modules`, keys and the like
   * (docs/concepts.md has the list); a line says what. A `.dockerignore` in the folder leaves out more.
   *
   * @param path relative to the program's folder, or absolute.
   * @param destination absolute.
   * @throws SlipwayError INVALID_ARGUMENT, LOCAL_PATH
   * @example
   * ```ts
   * Image.debianSlim("3.11").addLocalDir("./src", "/app/src", { strategy: "copy", ignore: ["tests", "*.md"] });
   * ```
   */
  addLocalDir(path: string | URL, destination: string, options?: LocalDirOptions): Image {
    const callSite = readCallSite();
    const call = { text: describeCall("addLocalDir", path, options !== undefined), callSite };
    const { strategy, selection } = checkDirOptions(call, options);
    const source = checkSource(call, path, "dir");
    const target = checkImagePath(call, "the destination", destination);
    return addLocal(this, call, strategy, { kind: "copyDir", source, destination: target, ...selection });
  }

  /** Whether a value is an Image, also after Pulumi's `output` has stripped its class or another copy of Slipway made it. */
  static isImage(value: unknown): value is Image {
    if (typeof value !== "object" || value === null || !("spec" in value) || !("callSites" in value)) return false;
    const { spec } = value;
    return typeof spec === "object" && spec !== null && "format" in spec && spec.format === FORMAT;
  }
}

/** An Output is no options object: checked as a command, it gets its own error. */
function splitOptions(args: readonly unknown[]): { commands: readonly unknown[]; options: unknown } {
  const last = args.at(-1);
  const isOptions = typeof last === "object" && last !== null && !Array.isArray(last) && !isOutput(last);
  return isOptions ? { commands: args.slice(0, -1), options: last } : { commands: args, options: undefined };
}

/** Not a private method: a class with one is no longer the type that Pulumi's `output` gives back. */
function addStep(image: Image, call: Call, step: Step): Image {
  checkLengths(call, step, image.spec.base);
  const { spec, callSites, mountCallSites, baseCallSite } = image;
  const ofBase = typeof spec.base === "string" ? [] : (spec.base.secrets ?? []);
  refuseOtherSource(call, [...ofBase, ...spec.steps.flatMap(secretsOf)], secretsOf(step));
  const steps = [...spec.steps, step];
  return new Image({ ...spec, steps }, [...callSites, call.callSite], mountCallSites, baseCallSite);
}

function addLocal(image: Image, call: Call, strategy: Strategy, copy: CopyFileStep | CopyDirStep): Image {
  if (strategy === "copy") return addStep(image, call, copy);
  const { spec, callSites, mountCallSites, baseCallSite } = image;
  checkMount(call, spec.mounts, copy);
  const mounts = [...spec.mounts, copy];
  return new Image({ ...spec, mounts }, callSites, [...mountCallSites, call.callSite], baseCallSite);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
