import { argumentWords, heredocMark, parseMount, type Instruction } from "./dockerfile-parser";
import type { ConfigOf, ImportPlan, ImportRequest, NeededStage } from "./dockerfile-plan";
import { DockerfileProblem, flagValue, flagValues } from "./dockerfile-stages";
import { expand, givenArg, NOT_KNOWN_YET, OF_BUILDER, readArgs, readEnv, Variables } from "./dockerfile-variables";

/** What one source of a COPY, an ADD or a bind mount reads of the context. */
export interface ContextRead {
  /** A path or a pattern, `/`-separated, relative to the context; `.` is all of it. */
  readonly path: string;
  /** Of `--parents`: what is taken below the path. */
  readonly below?: string | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** A mount's source is a path, whatever it holds. */
  readonly isExact?: true | undefined;
  readonly line: number;
}

/**
 * Follows the variables through the stages that count, to what they read, and refuses what no hash can cover.
 *
 * @throws DockerfileProblem
 */
export function findReads(plan: ImportPlan, request: ImportRequest, configOf: ConfigOf): readonly ContextRead[] {
  const { escape } = plan.file.dockerfile;
  const ofImage = stagesOfImage(plan);
  const ends = new Map<number, Scope>();
  const reads: ContextRead[] = [];
  for (const needed of plan.needed) {
    let { variables, env } = startScope(needed, ends, configOf);
    for (const instruction of needed.instructions) {
      const around = { variables, escape, globals: plan.globals, request };
      reads.push(...readsOf(instruction, around));
      const changes = changesOf(instruction, around);
      if (ofImage.has(needed.stage.index)) refuseBuildersArg(instruction, changes);
      variables = variables.with(changes);
      if (instruction.keyword === "ENV") env = new Map([...env, ...changes]);
    }
    ends.set(needed.stage.index, { variables, env });
  }
  return reads;
}

/** The target's stage and those that it stands on: their history is the image's. */
function stagesOfImage({ needed, target }: ImportPlan): ReadonlySet<number> {
  const found = new Set<number>();
  for (let index: number | undefined = target.index; index !== undefined;) {
    found.add(index);
    const base = needed.find(({ stage }) => stage.index === index)?.base;
    index = base?.kind === "stage" ? base.index : undefined;
  }
  return found;
}

function refuseBuildersArg({ keyword, line }: Instruction, changes: readonly (readonly [string, string])[]): void {
  const [name] = changes.find(([, value]) => value.includes(OF_BUILDER)) ?? [];
  if (keyword !== "ARG" || name === undefined) return;
  throw new DockerfileProblem(
    line,
    `ARG ${name} would put the builder's platform into the image's history.`,
    "Each builder would make another image; use TARGETARCH or TARGETPLATFORM, or an earlier stage.",
  );
}

/** The build arguments that something which counts declares. */
export function declaredArgs(plan: ImportPlan): ReadonlySet<string> {
  const counted = [...plan.file.globals, ...plan.needed.flatMap(({ instructions }) => instructions)];
  const args = counted.filter(({ keyword }) => keyword === "ARG");
  return new Set(
    args.flatMap((instruction) => readArgs(instruction, plan.file.dockerfile.escape).map(([name]) => name)),
  );
}

interface Around {
  readonly variables: Variables;
  readonly escape: string;
  readonly globals: Variables;
  readonly request: ImportRequest;
}

/** What a place sees, and what of it is in the image's config. */
interface Scope {
  readonly variables: Variables;
  readonly env: ReadonlyMap<string, string>;
}

/** A stage begins with what the stage before it sees, ARGs too; where names are alike, what the config has wins. */
function startScope(needed: NeededStage, ends: ReadonlyMap<number, Scope>, configOf: ConfigOf): Scope {
  switch (needed.base.kind) {
    case "scratch":
      return scopeOf(new Map([["PATH", DEFAULT_PATH]]), false);
    case "stage": {
      const { variables, env } = ends.get(needed.base.index) ?? scopeOf(new Map(), false);
      return { variables: variables.with(env), env };
    }
    case "image": {
      const config = configOf(needed.base.image.key);
      const pairs = (config?.env ?? []).map((text) => {
        const [name = "", ...value] = text.split("=");
        return [name, value.join("=")] as const;
      });
      return scopeOf(new Map([["PATH", DEFAULT_PATH], ...pairs]), config === undefined);
    }
  }
}

function scopeOf(env: ReadonlyMap<string, string>, isOpen: boolean): Scope {
  return { variables: new Variables(env, isOpen), env };
}

/** Where a base has none (buildkit, util/system). */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The variables that an instruction sets. */
function changesOf(
  instruction: Instruction,
  { variables, escape, globals, request }: Around,
): readonly (readonly [string, string])[] {
  const { line } = instruction;
  if (instruction.keyword === "ENV") {
    // All values of one ENV see what was before it.
    return readEnv(instruction, escape).map(([name, value]) => [
      expand(name, variables, escape, line),
      expand(value, variables, escape, line),
    ]);
  }
  if (instruction.keyword !== "ARG") return [];
  return readArgs(instruction, escape).reduce<(readonly [string, string])[]>((changes, [name, value]) => {
    const known = variables.with(changes);
    const inherited = (): string | undefined =>
      value === undefined ? globals.get(name) : expand(value, known, escape, line);
    const final = givenArg(request.buildArgs, name) ?? inherited();
    return final === undefined ? changes : [...changes, [name, final]];
  }, []);
}

function readsOf(instruction: Instruction, around: Around): readonly ContextRead[] {
  switch (instruction.keyword) {
    case "COPY":
      return (flagValue(instruction, "from") ?? "") === "" ? copyReads(instruction, around) : [];
    case "ADD":
      return addReads(instruction, around);
    case "RUN":
      return mountReads(instruction, around);
    default:
      return [];
  }
}

function copyReads(instruction: Instruction, around: Around): readonly ContextRead[] {
  const isParents = instruction.flags.some(({ text }) => /^--parents(=true)?$/i.test(text));
  const exclude = flagValues(instruction, "exclude");
  return expandedSources(instruction, around).map((source) => {
    const [path = "", pattern] = isParents ? splitPivot(source) : [source];
    return {
      path: cleanSource(path),
      ...(pattern === undefined ? {} : { below: cleanSource(pattern) }),
      ...(exclude.length === 0 ? {} : { exclude }),
      line: instruction.line,
    };
  });
}

/** `--parents` keeps the folders behind `/./`, or all of them. */
function splitPivot(source: string): readonly [string, string] {
  const at = source.indexOf("/./");
  return at < 0 ? ["/", source] : [source.slice(0, at), source.slice(at + 3)];
}

/** The sources that are no here-documents, expanded; those that are not known yet are left out. */
function expandedSources(instruction: Instruction, { variables, escape }: Around): readonly string[] {
  const { line } = instruction;
  return argumentWords(instruction.rest)
    .slice(0, -1)
    .filter((word) => heredocMark(word) === undefined)
    .map((word) => {
      const source = expand(word, variables, escape, line);
      refuseBuilders(instruction, word, source);
      return source;
    })
    .filter((source) => !source.includes(NOT_KNOWN_YET));
}

function refuseBuilders({ line, keyword }: Instruction, written: string, value: string): void {
  if (!value.includes(OF_BUILDER)) return;
  throw new DockerfileProblem(
    line,
    `${keyword} ${written} depends on the builder's platform.`,
    "Each builder would make another image; use TARGETARCH or TARGETPLATFORM.",
  );
}

function addReads(instruction: Instruction, around: Around): readonly ContextRead[] {
  const { line } = instruction;
  const sources = expandedSources(instruction, around);
  const checksum = expand(flagValue(instruction, "checksum") ?? "", around.variables, around.escape, line);
  for (const source of sources.filter(isRemote)) {
    if (isPinned(source, checksum) || checksum.includes(NOT_KNOWN_YET)) continue;
    throw isGit(source)
      ? new DockerfileProblem(
          line,
          `ADD ${source} names no full commit.`,
          "A branch or a tag may move: name the commit as #<40 hex digits>.",
        )
      : new DockerfileProblem(
          line,
          `ADD ${source} has no checksum.`,
          "What it fetches may change: give --checksum=sha256:…",
        );
  }
  const local = sources.filter((source) => !isRemote(source));
  const exclude = flagValues(instruction, "exclude");
  return local.map((path) => ({
    path: cleanSource(path),
    ...(exclude.length === 0 ? {} : { exclude }),
    line,
  }));
}

/** What ADD fetches instead of copying it (dockerfile2llb, dfgitutil.ParseGitRef). */
export function isRemote(source: string): boolean {
  return /^https?:\/\//.test(source) || isGit(source);
}

function isGit(source: string): boolean {
  return (
    /^(git|ssh):\/\//i.test(source) ||
    /^[\w.-]+@[\w.-]+:/.test(source) ||
    /^https?:\/\/[^?#]*\.git([?#]|$)/i.test(source)
  );
}

/** Pinned by its bytes, or by a full commit: a tag is none. */
export function isPinned(source: string, checksum: string): boolean {
  if (!isGit(source)) return /^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(checksum);
  const fragment = /#([^:]*)/.exec(source)?.[1] ?? "";
  const query = /\?([^#]*)/.exec(source)?.[1] ?? "";
  const named = new URLSearchParams(query);
  const pins = [checksum, fragment, ...["ref", "commit", "checksum"].map((name) => named.get(name) ?? "")];
  return pins.some((pin) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(pin));
}

function mountReads(instruction: Instruction, around: Around): readonly ContextRead[] {
  const { line } = instruction;
  refuseRun(instruction);
  return flagValues(instruction, "mount").flatMap((text): readonly ContextRead[] => {
    const mount = parseMount(text);
    const value = (name: string): string => expand(mount.get(name) ?? "", around.variables, around.escape, line);
    const type = value("type").toLowerCase();
    const id = value("source") || value("id") || (value("target").split("/").at(-1) ?? "");
    refuseBuilders(instruction, `--mount=${text}`, type === "secret" ? id : type);
    refuseMount(
      instruction,
      type,
      around.request.secrets?.some((secret) => secret.id === id) === true ? undefined : id,
    );
    const source = value("source");
    const isOurs = type === "bind" && (mount.get("from") ?? "") === "" && !source.includes(NOT_KNOWN_YET);
    if (isOurs) refuseBuilders(instruction, `--mount=${text}`, source);
    return isOurs ? [{ path: cleanSource(source), isExact: true, line }] : [];
  });
}

function refuseRun(instruction: Instruction): void {
  const { line } = instruction;
  if (flagValue(instruction, "security") === "insecure") {
    throw new DockerfileProblem(line, "RUN --security=insecure.", "Builders do not grant it: do without.");
  }
  if (flagValue(instruction, "network") === "host") {
    const hint = "Leave it out: the builder decides which network its steps have.";
    throw new DockerfileProblem(line, "RUN --network=host.", hint);
  }
  if (instruction.flags.some(({ text }) => text.startsWith("--device"))) {
    throw new DockerfileProblem(line, "RUN --device.", "What a device does is not part of any hash: do without.");
  }
}

/** @param missing the id of a secret that is not given */
function refuseMount({ line }: Instruction, type: string, missing: string | undefined): void {
  switch (type) {
    case "bind":
    case "cache":
    case "tmpfs":
      return;
    case "secret":
      if (missing === undefined || missing.includes(NOT_KNOWN_YET)) return;
      throw new DockerfileProblem(
        line,
        `RUN --mount=type=secret,id=${missing}: no secret of that name is given.`,
        `Give fromDockerfile { secrets: [Secret.fromEnv("…", { id: ${JSON.stringify(missing)} })] }.`,
      );
    case "ssh":
      throw new DockerfileProblem(
        line,
        "RUN --mount=type=ssh: no key can be given to a build.",
        "Fetch with a token in a secret instead.",
      );
    default:
      if (type.includes(NOT_KNOWN_YET)) return;
      throw new DockerfileProblem(
        line,
        `RUN --mount=type=${type} is not known.`,
        "Known are bind, cache, tmpfs and secret.",
      );
  }
}

/** Relative to the context, which nothing leaves: `../x` is `x`. */
function cleanSource(source: string): string {
  const parts: string[] = [];
  for (const part of source.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.length === 0 ? "." : parts.join("/");
}
