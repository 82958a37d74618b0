import { StringDecoder } from "node:string_decoder";
import * as v from "valibot";

/** One build step that ended with an error. */
export interface FailedVertex {
  readonly name: string;
  readonly error: string;
  /** The last lines that it printed. */
  readonly lines: readonly string[];
}

/** A pod of the builder that ended. */
export interface LostPod {
  readonly exitCode: string | undefined;
}

const LINES_KEPT = 30;
/**
 * What buildx's Kubernetes driver logs when the pod that it speaks to ends (driver/kubernetes/execconn): the exit code, or
 * only that nothing can be sent. Before buildx 0.36 it then waits for that pod for ever.
 */
const LOST_POD = /^ERROR: command terminated with exit code (\d+)$|^E\d{4} .* v2\.go:\d+\] "Unhandled Error" err=/;

const lineSchema = v.object({
  vertexes: v.optional(
    v.array(
      v.object({
        digest: v.string(),
        name: v.string(),
        started: v.optional(v.string()),
        completed: v.optional(v.string()),
        cached: v.optional(v.boolean()),
        error: v.optional(v.string()),
      }),
    ),
  ),
  statuses: v.optional(v.array(v.object({ id: v.string(), completed: v.optional(v.string()) }))),
  logs: v.optional(v.array(v.object({ vertex: v.string(), data: v.string() }))),
});

/** Reads what `buildx build --progress rawjson` prints, line by line. */
export class BuildOutput {
  readonly #onStep: (count: number, name: string) => void;
  readonly #onPhase: (text: string) => void;
  readonly #printed = new Map<string, string>();
  readonly #decoders = new Map<string, StringDecoder>();
  readonly #announced = new Set<string>();
  readonly #text: string[] = [];
  readonly #pushes = new Set<string>();
  readonly #exports = new Set<string>();
  #lostPod: LostPod | undefined;
  #failed: { readonly digest: string; readonly name: string; readonly error: string } | undefined;

  constructor(callbacks: {
    /** `count` as BuildKit counts: the base is 1; `name` as it names what it builds. */
    readonly onStep: (count: number, name: string) => void;
    readonly onPhase: (text: string) => void;
  }) {
    this.#onStep = callbacks.onStep;
    this.#onPhase = callbacks.onPhase;
  }

  readLine(line: string): void {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), lineSchema), line);
    if (!parsed.success) {
      this.#text.push(line);
      const lost = LOST_POD.exec(line);
      if (lost !== null) this.#lostPod = { exitCode: lost[1] ?? this.#lostPod?.exitCode };
      return;
    }
    for (const vertex of parsed.output.vertexes ?? []) this.#readVertex(vertex);
    for (const { id, completed } of parsed.output.statuses ?? []) {
      if (!/^(pushing|writing) /.test(id)) continue;
      if (completed === undefined) this.#pushes.add(id);
      else this.#pushes.delete(id);
    }
    for (const log of parsed.output.logs ?? []) {
      // A chunk may end within a character.
      const decoder = this.#decoders.get(log.vertex) ?? new StringDecoder("utf8");
      this.#decoders.set(log.vertex, decoder);
      const before = this.#printed.get(log.vertex) ?? "";
      this.#printed.set(
        log.vertex,
        lastLines(before + decoder.write(Buffer.from(log.data, "base64")), LINES_KEPT + 1).join("\n"),
      );
    }
  }

  /** Present where the builder's pod ended under the build. */
  get lostPod(): LostPod | undefined {
    return this.#lostPod;
  }

  /** Whether something is on its way to a registry. */
  get isPushing(): boolean {
    return this.#pushes.size > 0;
  }

  /** Whether it packs, pushes or writes cache: BuildKit tells little of that, however long it takes. */
  get isExporting(): boolean {
    return this.#exports.size > 0;
  }

  /** The step that failed; `undefined` when something else did. */
  get failed(): FailedVertex | undefined {
    if (this.#failed === undefined) return undefined;
    const printed = this.#printed.get(this.#failed.digest) ?? "";
    const lines = lastLines(printed.trimEnd(), LINES_KEPT);
    return { name: this.#failed.name, error: this.#failed.error, lines: lines.map((line) => line.replace(/\r+$/, "")) };
  }

  /** The line of the Dockerfile that buildx's error names. */
  get failedLine(): number | undefined {
    const line = this.#text
      .map((text) => /^Dockerfile:(\d+)$/.exec(text.trim())?.[1])
      .find((found) => found !== undefined);
    return line === undefined ? undefined : Number(line);
  }

  /** What buildx printed that is no progress: its error. */
  get error(): string {
    const at = this.#text.findIndex((text) => text.startsWith("ERROR: "));
    const marked = this.#text[at];
    if (marked === undefined) return this.#text.filter((text) => text.trim() !== "").at(-1) ?? "it said nothing";
    const own = marked.replace(/^ERROR: /, "");
    // A registry's several errors have a line each (distribution, errcode.Errors).
    return / errors:\s*$/.test(own) ? [own, ...linesUntilBlank(this.#text.slice(at + 1))].join(" ") : own;
  }

  #readVertex(vertex: {
    digest: string;
    name: string;
    started?: string | undefined;
    completed?: string | undefined;
    cached?: boolean | undefined;
    error?: string | undefined;
  }): void {
    const isExport = vertex.name.startsWith("exporting ");
    if (isExport && vertex.completed !== undefined) this.#exports.delete(vertex.digest);
    else if (isExport && vertex.started !== undefined) this.#exports.add(vertex.digest);
    // When one step fails, those beside it end as cancelled. What buildx and BuildKit do themselves is no step, and cache
    // that is not there fails nothing.
    const isStep = !/^(\[internal\] |importing cache |exporting cache )/.test(vertex.name);
    if (
      isStep &&
      vertex.error !== undefined &&
      this.#failed === undefined &&
      !vertex.error.endsWith("context canceled")
    ) {
      this.#failed = { digest: vertex.digest, name: vertex.name, error: vertex.error };
    }
    if (vertex.started === undefined || vertex.cached === true || this.#announced.has(vertex.digest)) return;
    this.#announced.add(vertex.digest);
    const count = /^\[(?:\S+ )*?(\d+)\/\d+\] /.exec(vertex.name)?.[1];
    if (count !== undefined) {
      this.#onStep(Number(count), vertex.name);
    } else if (vertex.name.startsWith("exporting to image")) {
      this.#onPhase("pushing");
    } else if (vertex.name.startsWith("exporting cache")) {
      this.#onPhase("writing the build cache");
    }
  }
}

function linesUntilBlank(lines: readonly string[]): readonly string[] {
  const end = lines.findIndex((text) => text.trim() === "");
  return end < 0 ? lines : lines.slice(0, end);
}

/** Lines as a terminal would show them: what a `\r` overwrote is gone. At a line's end one stays: the next chunk may overwrite. */
function lastLines(text: string, count: number): readonly string[] {
  const lines = text.split("\n").slice(-count);
  return lines.map((line) => line.replace(/^.*\r(?=[^\r])/, ""));
}
