import { createServer } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { limitTime } from "../../provider/time-limit";

async function startSilentServer(): Promise<string> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

test("a time limit beside another signal also comes after garbage collections", async () => {
  setFlagsFromString("--expose_gc");
  const collect: () => void = runInNewContext("gc");
  const collecting = setInterval(collect, 20);
  onTestFinished(() => clearInterval(collecting));
  const server = await startSilentServer();
  const never = new AbortController().signal;
  await expect(fetch(server, { signal: limitTime(300, never) })).rejects.toMatchObject({ name: "TimeoutError" });
});

test("the other signal ends it at once", async () => {
  const stop = new AbortController();
  const asked = fetch(await startSilentServer(), { signal: limitTime(60_000, stop.signal) });
  stop.abort(new Error("stopped"));
  await expect(asked).rejects.toThrow("stopped");
});
