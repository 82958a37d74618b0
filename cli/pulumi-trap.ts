import { createRequire, Module } from "node:module";
import type { CallSite } from "../sdk/call-site";
import { findUserLine } from "./user-line";

/** Pulumi was used where no run of it goes on. */
export class NeedsPulumi extends Error {
  readonly callSite: CallSite | undefined;

  constructor() {
    super("it creates a Pulumi resource, or asks for the stack or its configuration, which needs a run of Pulumi");
    this.name = "NeedsPulumi";
    this.callSite = findUserLine(longStack());
  }
}

/**
 * Makes Pulumi throw {@link NeedsPulumi}, from now on and in this process, where somebody creates a resource or asks
 * for the stack or its configuration: outside of a run it gives made-up answers instead, and the hash would be another
 * one than Pulumi's. Pulumi is loaded when the file does, not before.
 *
 * @param path a file, absolute: the Pulumi that it finds, and the one of the `slipway` that it finds.
 */
export function trapPulumi(path: string): void {
  const requireFromFile = createRequire(path);
  const slipway = tryResolve(requireFromFile, "slipway/package.json") ?? __filename;
  for (const from of [requireFromFile, createRequire(slipway)]) {
    const resolved = tryResolve(from, "@pulumi/pulumi");
    if (resolved !== undefined && from.cache[resolved] === undefined) trapModule(resolved, from);
  }
}

function tryResolve(from: NodeJS.Require, name: string): string | undefined {
  try {
    return from.resolve(name);
  } catch {
    return undefined;
  }
}

/** Node's cache gets a module whose exports are loaded, and trapped, when somebody reads them. */
function trapModule(resolved: string, from: NodeJS.Require): void {
  const placeholder = new Module(resolved);
  placeholder.loaded = true;
  Object.defineProperty(placeholder, "exports", {
    get: () => {
      delete from.cache[resolved];
      const pulumi: unknown = from(resolved);
      trapExports(pulumi);
      return pulumi;
    },
  });
  from.cache[resolved] = placeholder;
}

function trapExports(pulumi: unknown): void {
  const refuse = (): never => {
    throw new NeedsPulumi();
  };
  for (const name of ["getStack", "getProject", "getOrganization"])
    Reflect.defineProperty(Object(pulumi), name, { value: refuse });
  const config = prototypeOf(pulumi, "Config");
  for (const name of Object.getOwnPropertyNames(config).filter((method) => /^(get|require)/.test(method))) {
    Object.defineProperty(config, name, { value: refuse });
  }
  // Every resource's constructor sets this mark, by which copies of Pulumi know each other's resources.
  Object.defineProperty(prototypeOf(pulumi, "Resource"), "__pulumiResource", { get: () => undefined, set: refuse });
}

function prototypeOf(module: unknown, name: string): object {
  const type: unknown = Reflect.get(Object(module), name);
  return typeof type === "function" ? Object(type.prototype) : {};
}

/** Deep enough for a component that creates its children in helpers. */
function longStack(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  return stack;
}
