import type { CallSite } from "./call-site";
import { CREDENTIALS_HINT, hasCredentials, type AllowedVariables } from "./credentials";
import { hideCredentials, SlipwayError, type ErrorCode } from "./error";

/** The call whose arguments are checked: how it reads in a message, and where it stands. */
export interface Call {
  /** For example `addLocalDir("./app", …)`. */
  readonly text: string;
  readonly callSite: CallSite | undefined;
  /** What may stand for credentials in its URLs; default: nothing. */
  readonly allowed?: AllowedVariables;
}

/** What Pulumi hands over for a value that is not known yet (runtime/rpc.ts, unknownValue). */
const PULUMI_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const OUTPUT_HINT =
  "Build the Image inside .apply, where the value is plain: output.apply((value) => Image…). " +
  'A secret is never given as a value: runCommands and pipInstall take { secrets: [Secret.fromConfig("key")] }.';

export function fail(
  call: Call,
  found: string,
  hint: string | undefined,
  code: ErrorCode = "INVALID_ARGUMENT",
): SlipwayError {
  return new SlipwayError({ code, text: `${call.text}: ${found}`, hint, callSite: call.callSite });
}

/** How a call reads in a message: its first argument, shortened, stands for all. */
export function describeCall(method: string, first: unknown, more = false): string {
  const isText = typeof first === "string" || first instanceof URL;
  const shown = isText ? JSON.stringify(hideCredentials(String(first))) : describeValue(first);
  return `${method}(${shown.length > 60 ? `${shown.slice(0, 57)}…` : shown}${more ? ", …" : ""})`;
}

/** A string of any text that a Dockerfile and a hash can hold on one line. */
export function checkString(call: Call, name: string, value: unknown): string {
  const text = checkText(call, name, value);
  if (/[\0\r\n]/.test(text)) {
    throw fail(call, `${name} holds a line break or a NUL character.`, "Give it on one line.");
  }
  return text;
}

/** A string that may have several lines. */
export function checkText(call: Call, name: string, value: unknown): string {
  refuseOutput(call, name, value);
  if (typeof value !== "string") {
    throw fail(call, `${name} must be a string, it is ${describeValue(value)}.`, "Give plain text.");
  }
  if (value.includes("Calling [toString] on an [Output<T>]") || value.includes(PULUMI_UNKNOWN)) {
    throw fail(call, `${name} is the text that a Pulumi Output gives in a string.`, OUTPUT_HINT, "OUTPUT_AS_ARGUMENT");
  }
  if (!value.isWellFormed()) {
    throw fail(call, `${name} holds half of a UTF-16 pair.`, "Give text that UTF-8 can hold.");
  }
  if (hasCredentials(value, call.allowed ?? [])) {
    throw fail(call, `${name} has a URL with credentials, which the image would show to everyone.`, CREDENTIALS_HINT);
  }
  return value;
}

export function checkNonEmpty(call: Call, name: string, value: unknown): string {
  const text = checkString(call, name, value);
  if (text.trim() === "") throw fail(call, `${name} is empty.`, "Leave it out, or give it a value.");
  if (text.trim() !== text) throw fail(call, `${name} ${JSON.stringify(text)} has spaces around it.`, "Remove them.");
  return text;
}

export function checkList<T>(
  call: Call,
  name: string,
  value: unknown,
  check: (name: string, element: unknown) => T,
): readonly T[] {
  refuseOutput(call, name, value);
  if (!Array.isArray(value)) {
    throw fail(call, `${name} must be a list, it is ${describeValue(value)}.`, "Write it in [ ].");
  }
  return value.map((element: unknown, index) => check(`${name}[${index}]`, element));
}

/** An absolute path in the image, without `.`, `..`, empty parts or an end slash. */
export function checkImagePath(call: Call, name: string, value: unknown): string {
  const path = checkString(call, name, value);
  if (!path.startsWith("/")) {
    throw fail(call, `${name} ${JSON.stringify(path)} is not absolute.`, "Begin it with /, for example /app.");
  }
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw fail(call, `${name} ${JSON.stringify(path)} goes up with "..".`, "Write the path that it leads to.");
  }
  if (parts.some((part) => part.startsWith(".wh."))) {
    throw fail(
      call,
      `${name} has a part that begins with ".wh.", which in a layer means a removed file.`,
      "Rename it.",
    );
  }
  const joined = `/${parts.join("/")}`;
  const longest = parts.reduce((most, part) => Math.max(most, countBytes(part)), 0);
  if (longest > 255) {
    throw fail(call, `${name} has a part of ${longest} bytes, and file systems take up to 255.`, "Shorten it.");
  }
  if (countBytes(joined) > 4095) {
    throw fail(call, `${name} is ${countBytes(joined)} bytes long, and Linux takes up to 4095.`, "Shorten it.");
  }
  return joined;
}

function countBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Options that a caller without types may have misspelt. */
export function checkOptions(
  call: Call,
  options: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  refuseOutput(call, "the last argument", options);
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw fail(
      call,
      `the options must be an object, they are ${describeValue(options)}.`,
      `Known are ${known.join(", ")}.`,
    );
  }
  checkNames(call, "option", options, known);
  return { ...options };
}

/** Names that a caller without types may have misspelt. */
export function checkNames(call: Call, what: "argument" | "option", given: object, known: readonly string[]): void {
  const wrong = Object.keys(given).find((name) => !known.includes(name));
  if (wrong !== undefined) throw fail(call, `there is no ${what} ${wrong}.`, `Known are ${known.join(", ")}.`);
}

/** Pulumi's mark on an Output; `in`, because its proxy answers every other name with another Output. */
export function refuseOutput(call: Call, name: string, value: unknown): void {
  if (isOutput(value)) throw fail(call, `${name} is a Pulumi Output.`, OUTPUT_HINT, "OUTPUT_AS_ARGUMENT");
}

export function isOutput(value: unknown): boolean {
  return (typeof value === "object" || typeof value === "function") && value !== null && "__pulumiOutput" in value;
}

/** A value in a message. Never its content beyond a number: it may be secret. */
function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (isOutput(value)) return "an Output";
  if (Array.isArray(value)) return "[…]";
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${String(value)}`;
  return typeof value === "object" ? "{…}" : `a ${typeof value}`;
}
