import { createServer, request as send } from "node:http";
import { onTestFinished } from "vitest";

/** Stands in front of a registry and counts the bytes of what is pulled and pushed through it. */
export interface CountingProxy {
  readonly host: string;
  /** Bytes of bodies since the last `reset`: answers, and what was sent. */
  readonly bytes: { pulled: number; pushed: number };
  reset(): void;
}

/** @param target `host:port` behind it. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const bytes = { pulled: 0, pushed: 0 };
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = send(`http://${target}${url ?? ""}`, { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.on("data", (chunk: Buffer) => (bytes.pulled += chunk.length));
      response.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("data", (chunk: Buffer) => (bytes.pushed += chunk.length));
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const reset = (): void => void Object.assign(bytes, { pulled: 0, pushed: 0 });
  return { host: `localhost:${port}`, bytes, reset };
}
