import { EventEmitter } from "node:events";

const CANCEL = "/pulumirpc.ResourceProvider/Cancel";

/**
 * Calls back at a user's first Ctrl-C. Pulumi tells each provider of it by a call, which that of dynamic resources
 * answers and tells nobody (cmd/dynamic-provider/index.ts, cancel): so we listen beside it, at its HTTP/2 server. Where
 * Pulumi or Node keep their server elsewhere one day, nothing is heard, and nothing breaks.
 */
export function hearCancel(onCancel: () => void): void {
  for (const server of servers()) {
    server.prependListener("stream", (_stream: unknown, headers: unknown) => {
      if (typeof headers === "object" && headers !== null && Reflect.get(headers, ":path") === CANCEL) onCancel();
    });
  }
}

/** The HTTP/2 servers of this process. */
function servers(): readonly EventEmitter[] {
  const list: unknown = Reflect.get(process, "_getActiveHandles");
  const handles: unknown = typeof list === "function" ? Reflect.apply(list, process, []) : [];
  if (!Array.isArray(handles)) return [];
  return handles.filter(
    (handle: unknown): handle is EventEmitter => handle instanceof EventEmitter && handle.listenerCount("stream") > 0,
  );
}
