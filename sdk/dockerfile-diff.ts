import { planResolved } from "./dockerfile-resolved";
import { countedInstructions, countedLines } from "./dockerfile-splice";
import { declaredArgs } from "./dockerfile-reads";
import type { ResolvedDockerfileBase, ResolvedSpec } from "./spec";

/** How what counts of one Dockerfile differs from another, for people; `undefined` where it does not. */
export function diffImports(
  before: ResolvedSpec & { readonly base: ResolvedDockerfileBase },
  after: ResolvedSpec & { readonly base: ResolvedDockerfileBase },
): string | undefined {
  const was = describeImport(before);
  const is = describeImport(after);
  const { source } = after.base;
  if (was.escape !== is.escape) return `${source}: escape character ${was.escape} → ${is.escape}`;
  const changed = firstChange(was.lines, is.lines);
  if (changed !== undefined) return `${source}${changed}`;
  if (was.targetName !== is.targetName) return `${source}: target ${was.targetName} → ${is.targetName}`;
  const args = [...new Set([...Object.keys(was.buildArgs), ...Object.keys(is.buildArgs)])].sort();
  const other = args.filter((name) => was.buildArgs[name] !== is.buildArgs[name]);
  if (other.length > 0)
    return `${source}: buildArgs ${other.map((name) => mark(was.buildArgs, is.buildArgs, name)).join(" ")}`;
  return was.tree === is.tree ? undefined : `${source}: files changed`;
}

function mark(was: Readonly<Record<string, string>>, is: Readonly<Record<string, string>>, name: string): string {
  return `${name in was ? (name in is ? "~" : "-") : "+"} ${name}`;
}

interface Line {
  readonly line: number;
  readonly text: string;
}

function describeImport({ base, platform }: ResolvedSpec & { readonly base: ResolvedDockerfileBase }) {
  const plan = planResolved(base, platform);
  const declared = declaredArgs(plan);
  const places = countedInstructions(plan);
  // By name: an image that moved is told apart.
  const lines = countedLines(plan, (key) => key).map((parts, index): Line => {
    return { line: places[index]?.line ?? 0, text: parts.filter((part) => part !== null).join("\n") };
  });
  const buildArgs = Object.fromEntries(Object.entries(base.buildArgs).filter(([name]) => declared.has(name)));
  return { escape: plan.file.dockerfile.escape, lines, buildArgs, targetName: plan.targetName, tree: base.tree };
}

/** The first line that differs; what comes again further down was moved by one that is new, or gone. */
function firstChange(was: readonly Line[], is: readonly Line[]): string | undefined {
  const index = Array.from({ length: Math.max(was.length, is.length) }, (_, at) => at).find(
    (at) => was[at]?.text !== is[at]?.text,
  );
  if (index === undefined) return undefined;
  const old = was[index];
  const now = is[index];
  const isIn = (line: Line, lines: readonly Line[]): boolean =>
    lines.slice(index).some(({ text }) => text === line.text);
  if (now === undefined || (old !== undefined && isIn(now, was))) return ` - ${shorten(old?.text ?? "")}`;
  if (old === undefined || isIn(old, is)) return `:${now.line} + ${shorten(now.text)}`;
  return `:${now.line} ${shorten(old.text)} → ${shorten(now.text)}`;
}

function shorten(text: string): string {
  const [first = "", ...more] = text.split("\n");
  return first.length > 60 || more.length > 0 ? `${first.slice(0, 59)}…` : first;
}
