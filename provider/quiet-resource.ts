import * as pulumi from "@pulumi/pulumi";

/**
 * Resources without the stack trace that Pulumi keeps with each promise of each property, for leaks
 * (runtime/debuggable.ts): a fifth of what a preview of hundreds of images takes. An error has the user's line.
 */
export const QuietResource = new Proxy(pulumi.CustomResource, {
  construct(resource, args, subclass): object {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return Reflect.construct(resource, args, subclass);
    } catch (error) {
      Error.stackTraceLimit = stackTraceLimit;
      if (error instanceof Error) Error.captureStackTrace(error, subclass);
      throw error;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  },
});
