import { once } from "node:events";
import { connect } from "node:net";

const EVERY_MS = 2_000;
/** One refusal may be chance. */
const REFUSALS = 2;

/**
 * Calls back when Pulumi's engine is gone. It ends its providers when it ends; killed with kill -9 it cannot, and their
 * builds would go on with nobody to record them.
 *
 * @param address `host:port`, as the engine gives it to its providers
 */
export function watchEngine(address: string | undefined, onGone: () => void): void {
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(address ?? "") ?? [];
  if (port === "") return;
  let refusals = 0;
  const timer = setInterval(() => {
    void isListening(host, Number(port)).then((isThere) => {
      refusals = isThere ? 0 : refusals + 1;
      if (refusals < REFUSALS) return;
      clearInterval(timer);
      onGone();
    });
  }, EVERY_MS);
  timer.unref();
}

/** Only a refusal counts: what is slow is there. */
async function isListening(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  socket.unref();
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ECONNREFUSED");
  } finally {
    socket.destroy();
  }
}
