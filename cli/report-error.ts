import { inspect } from "node:util";
import { describeError } from "../sdk/error";
import type { Terminal } from "./terminal";

interface ReportOptions {
  readonly terminal: Terminal;
  /** Also as JSON on stdout. */
  readonly isJson: boolean;
  /** What it is about. */
  readonly name?: string;
  /** Whether a command has nothing else that it could be about. */
  readonly isOne?: boolean;
}

/** Tells the user what went wrong; with its stack where it is no error of Slipway's. */
export function reportError(error: unknown, { terminal, isJson, name, isOne = true }: ReportOptions): void {
  const isExpected = isSlipwayError(error);
  const text = isExpected ? error.message : inspect(error);
  // An error about a file begins with it.
  const head = isOne || name === undefined || text.startsWith(name.replace(/#[^#]*$/, "")) ? "" : `${name}: `;
  terminal.report(`error: ${head}${text}\n`);
  if (!isJson) return;
  const code = isExpected ? error.code : "UNEXPECTED";
  const hint = isExpected && "hint" in error && typeof error.hint === "string" ? error.hint : null;
  const image = name === undefined ? {} : { image: name };
  terminal.print(`${JSON.stringify({ ...image, error: { code, message: describeError(error), hint } })}\n`);
}

/** What an error says itself; else 2 where the command line is wrong, and 1. */
export function exitCodeOf(error: unknown): number {
  if (isSlipwayError(error) && "exitCode" in error && typeof error.exitCode === "number") return error.exitCode;
  return isSlipwayError(error) && error.code === "USAGE" ? 2 : 1;
}

/** By its shape: the user's file may load another copy of Slipway. */
export function isSlipwayError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && error.name === "SlipwayError" && "code" in error && typeof error.code === "string";
}
