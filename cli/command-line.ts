import type { ArgsDef, CommandDef } from "citty";
import { parseArgs, stripVTControlCharacters, type ParseArgsConfig } from "node:util";
import { describeError, SlipwayError } from "../sdk/error";
import { exitCodeOf, reportError } from "./report-error";
import type { Terminal } from "./terminal";

/** Runs the command that the arguments name, and tells how it went. Never rejects. */
export async function runCommandLine(root: CommandDef, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const found = await findCommand(root, args);
    if (isGiven(found.rest, "--help", "-h")) terminal.print(await renderHelp(found));
    else if (found.parent === undefined && isGiven(found.rest, "--version", "-v"))
      terminal.print(`${await versionOf(root)}\n`);
    else return await run(found);
    return 0;
  } catch (error) {
    reportError(error, { terminal, isJson: isGiven(args, "--json") });
    return exitCodeOf(error);
  }
}

interface FoundCommand {
  readonly command: CommandDef;
  /** The words that lead to it, for example `slipway image hash`. */
  readonly name: string;
  /** The words that lead to what it is part of. */
  readonly parent: string | undefined;
  /** The arguments that are its own. */
  readonly rest: readonly string[];
}

async function findCommand(root: CommandDef, args: readonly string[]): Promise<FoundCommand> {
  let found: FoundCommand = { command: root, name: "slipway", parent: undefined, rest: args };
  for (;;) {
    const subCommands = await resolve(found.command.subCommands);
    const [word, ...rest] = found.rest;
    if (subCommands === undefined || word === undefined || word.startsWith("-")) return found;
    if (!Object.hasOwn(subCommands, word))
      throw usageError(found.name, `there is no command ${word}.`, Object.keys(subCommands));
    const command = await resolve(subCommands[word]);
    if (command === undefined) return found;
    found = { command, name: `${found.name} ${word}`, parent: found.name, rest };
  }
}

/** What citty lets be a value, a promise of one, or a function that gives one. */
async function resolve<T extends object>(
  value: T | Promise<T> | (() => T) | (() => Promise<T>) | undefined,
): Promise<T | undefined> {
  return typeof value === "function" ? value() : value;
}

function isGiven(args: readonly string[], ...names: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((arg) => names.includes(arg));
}

async function renderHelp({ command, parent }: FoundCommand): Promise<string> {
  const { renderUsage } = await import("citty");
  const usage = await renderUsage(command, parent === undefined ? undefined : { meta: { name: parent } });
  const example =
    "example" in command && typeof command.example === "string" ? `EXAMPLE\n\n  ${command.example}\n` : "";
  return `${stripVTControlCharacters(usage).trimEnd()}\n\n${example}`;
}

async function versionOf(root: CommandDef): Promise<string> {
  return (await resolve(root.meta))?.version ?? "";
}

/** A command that has told of failures itself gives the exit code. */
async function run({ command, name, rest }: FoundCommand): Promise<number> {
  const subCommands = await resolve(command.subCommands);
  if (subCommands !== undefined) throw usageError(name, "a command is missing.", Object.keys(subCommands));
  checkFlags(name, rest, (await resolve(command.args)) ?? {});
  const { runCommand } = await import("citty");
  try {
    const { result } = await runCommand(command, { rawArgs: [...rest] });
    return typeof result === "number" ? result : 0;
  } catch (error) {
    if (error instanceof Error && error.name === "CLIError")
      throw usageError(name, `${stripVTControlCharacters(error.message)}.`);
    throw error;
  }
}

/** citty lets flags pass that a command does not have. */
function checkFlags(name: string, rest: readonly string[], args: ArgsDef): void {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [flag, { type }] of Object.entries(args)) {
    if (type === "boolean") options[flag] = { type: "boolean" };
    else if (type === "string") options[flag] = { type: "string" };
  }
  try {
    parseArgs({ args: [...rest], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's hint about `--` is for file names that begin with a dash.
    throw usageError(
      name,
      `${describeError(error)
        .replace(/\. To specify a positional[^]*/, "")
        .replace(/\.$/, "")}.`,
    );
  }
}

function usageError(name: string, found: string, known: readonly string[] = []): SlipwayError {
  const list = known.length === 0 ? "" : `Known are ${[...known].sort().join(", ")}. `;
  return new SlipwayError({ code: "USAGE", text: `${name}: ${found}`, hint: `${list}See ${name} --help.` });
}
