import * as pulumi from "@pulumi/pulumi";

/**
 * A value that a program knows later. Inside it is a plain promise: an Output is made of some twenty, and a program of
 * hundreds of images has thousands of values. Where it comes from Outputs it keeps to them at the edge: what is not
 * known yet never arrives, and an Input made of it has their dependencies and secrecy.
 */
export interface Later<T> {
  readonly value: Promise<T>;
  /** The Outputs that it comes from: none where the program gave plain values. */
  readonly from: readonly pulumi.OutputInstance<unknown>[];
}

/** What the program gave plainly. */
export function plainly<T>(value: T | Promise<T>): Later<T> {
  return { value: Promise.resolve(value), from: [] };
}

export function fromOutput<T>(output: pulumi.OutputInstance<T>): Later<T> {
  return { value: new Promise((resolve) => void output.apply(resolve)), from: [output] };
}

/** @param others what `work` waits for beside the value. */
export function mapLater<T, U>(
  { value, from }: Later<T>,
  work: (value: T) => U | Promise<U>,
  ...others: readonly Later<unknown>[]
): Later<U> {
  return { value: value.then(work), from: [...new Set([...from, ...others.flatMap((other) => other.from)])] };
}

export function toOutput<T>({ value, from }: Later<T>): pulumi.Output<T> {
  return pulumi.all([...from]).apply(() => value);
}

/** What a resource takes. */
export function toInput<T>(later: Later<T>): pulumi.Input<T> {
  return later.from.length === 0 ? later.value : toOutput(later);
}
