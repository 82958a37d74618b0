import { checkList, checkNonEmpty, checkString, checkText, fail, refuseOutput, type Call } from "./arguments";
import { checkDockerfileCommand } from "./dockerfile-commands";
import { escapeOf } from "./dockerfile-resolved";
import { readStages } from "./dockerfile-stages";
import type { ImageSpec } from "./spec";

/** Names as in Debian Policy 5.6.1, an architecture, a version or a release. */
export function checkAptPackage(call: Call, name: string, value: unknown): string {
  const text = checkNonEmpty(call, name, value);
  if (!/^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?(=[A-Za-z0-9.+~:-]+|\/[\w.-]+)?$/.test(text)) {
    throw fail(
      call,
      `${name} ${JSON.stringify(text)} is not a package name.`,
      'Write "git" or "git=1:2.39.5-0+deb12u1".',
    );
  }
  return text;
}

/** A shell command of one or more lines. */
function checkCommand(call: Call, name: string, value: unknown): string {
  const text = checkText(call, name, value);
  if (text.trim() === "") throw fail(call, `${name} is empty.`, "Leave it out.");
  if (/[\0\r]/.test(text)) {
    throw fail(
      call,
      `${name} holds a NUL or a carriage return.`,
      "Give it with \\n as line breaks: a shell takes \\r for text.",
    );
  }
  return text;
}

/** A shell command that is a step of its own. */
export function checkRunCommand(call: Call, name: string, value: unknown): string {
  const text = checkCommand(call, name, value);
  // It comes with an end of its last line, which the shell would take away together with the backslash.
  if (/(^|[^\\])(\\\\)*\\$/.test(text)) {
    throw fail(
      call,
      `${name} ends in a backslash, with no line to continue on.`,
      "Remove it, or give what follows it.",
    );
  }
  return text;
}

/** Dockerfile instructions that break no identity, on a base that may be a Dockerfile. */
export function checkInstruction(call: Call, name: string, value: unknown, base: ImageSpec["base"]): string {
  const text = checkCommand(call, name, value);
  const stages = typeof base === "string" ? [] : readStages(base.text).stages.flatMap((stage) => stage.name ?? []);
  const refusal = checkDockerfileCommand(text, escapeOf(base), stages);
  if (refusal !== undefined) throw fail(call, `${name} has ${refusal.found}`, refusal.hint, "INVALID_DOCKERFILE");
  return text;
}

export function checkVariables(call: Call, variables: unknown): Readonly<Record<string, string>> {
  refuseOutput(call, "the argument", variables);
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) {
    throw fail(call, "the variables must be an object of plain strings.", 'Write { NAME: "value" }.');
  }
  const entries = Object.entries(variables).map(([name, value]: [string, unknown]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw fail(
        call,
        `${JSON.stringify(name)} is not a variable's name.`,
        "Use letters, digits and _, not a digit first.",
      );
    }
    return [name, checkString(call, `the value of ${name}`, value)] as const;
  });
  return Object.fromEntries(entries);
}

export function checkArgs(call: Call, args: unknown): readonly string[] {
  return checkList(call, "args", args, (name, value) => {
    const text = checkText(call, name, value);
    if (text.includes("\0")) throw fail(call, `${name} holds a NUL character.`, "No program can be given one.");
    return text;
  });
}

export function checkUser(call: Call, value: unknown): string {
  const text = checkNonEmpty(call, "the user", value);
  if (!/^[\w][\w.-]*(:[\w][\w.-]*)?$/.test(text)) {
    throw fail(
      call,
      `${JSON.stringify(text)} is not a user.`,
      'Write a name or an id, for example "worker" or "1000:1000".',
    );
  }
  return text;
}
