/** Where a step was written, `file:line:column`. */
export type CallSite = string;

/**
 * The line that called `method`; default: the function that calls this one. Read from the stack as text, so that the
 * source maps of whatever loaded the user's TypeScript (ts-node in Pulumi, jiti in the CLI) have been applied.
 */
export function readCallSite(method?: Function): CallSite | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 2;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, method ?? readCallSite);
  const { stack } = holder;
  Error.stackTraceLimit = limit;
  // The first line is the error's. Another library's hook may make something else than text of a stack.
  const frame = typeof stack === "string" ? stack.split("\n")[method === undefined ? 2 : 1] : undefined;
  return frame === undefined ? undefined : parseFrame(frame.trim());
}

/** Two forms: `at name (place)` and `at place`; folders may have parentheses in their names. */
function parseFrame(frame: string): CallSite | undefined {
  const place = /^at .*? \((.*)\)$/.exec(frame)?.[1] ?? /^at (?:async )?(.*)$/.exec(frame)?.[1];
  return place === undefined || !/:\d+:\d+$/.test(place) ? undefined : place.replace(/^file:\/\//, "");
}
