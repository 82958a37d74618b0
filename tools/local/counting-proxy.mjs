import { createServer, request as send } from "node:http";

/**
 * Stands in front of a registry and counts the bytes of what is pulled and pushed through it.
 * @typedef {object} CountingProxy
 * @property {string} host
 * @property {{ pulled: number, pushed: number }} bytes of bodies since the last `reset`: answers, and what was sent
 * @property {() => void} reset
 * @property {() => void} stop
 */

/** @param {string} target `host:port` behind it @returns {Promise<CountingProxy>} */
export async function startCountingProxy(target) {
  const bytes = { pulled: 0, pushed: 0 };
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = send(`http://${target}${url ?? ""}`, { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.on("data", (chunk) => (bytes.pulled += chunk.length));
      response.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("data", (chunk) => (bytes.pushed += chunk.length));
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { host: `localhost:${port}`, bytes, reset: () => void Object.assign(bytes, { pulled: 0, pushed: 0 }), stop };
}
