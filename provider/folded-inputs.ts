import type * as pulumi from "@pulumi/pulumi";
import { toInput, type Later } from "./later";

/**
 * A hidden input: what a program gives plainly, as one JSON text. Pulumi takes a promise or more for every part of every
 * property that a program sends, a tenth of a millisecond each; `check` unfolds the text, and from there on, in diffs
 * and in states, all are properties.
 */
const PLAIN_INPUT = "__plain";

type Laters = Readonly<Record<string, Later<unknown>>>;
type Inputs = Readonly<Record<string, pulumi.Input<unknown>>>;

/** What comes from Outputs stays a property of its own: it has their dependencies and secrecy, and may be unknown. */
export function foldInputs(laters: Laters): Inputs {
  const all = Object.entries(laters);
  const plain = all.filter(([, { from }]) => from.length === 0);
  const others = all.filter(([, { from }]) => from.length > 0);
  const fold = async (): Promise<string> => {
    const values = plain.map(async ([name, { value }]) => [name, await value] as const);
    return JSON.stringify(Object.fromEntries(await Promise.all(values)));
  };
  return { ...toInputs(Object.fromEntries(others)), [PLAIN_INPUT]: fold() };
}

export function toInputs(laters: Laters): Inputs {
  return Object.fromEntries(Object.entries(laters).map(([name, later]) => [name, toInput(later)]));
}

/** The inputs as properties. What `ignoreChanges` or a transformation put beside the text counts. */
export function unfoldInputs(inputs: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { [PLAIN_INPUT]: plain, ...rest } = inputs;
  if (typeof plain !== "string") return inputs;
  return { ...parseObject(plain), ...rest };
}

function parseObject(text: string): object {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? value : {};
}
