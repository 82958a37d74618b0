import { onTestFinished } from "vitest";
import * as tools from "../../tools/environment.mjs";

/** A proxy in front of a registry, which ends with the test. @param target `host:port` behind it. */
export async function startCountingProxy(target: string): Promise<tools.CountingProxy> {
  const proxy = await tools.startCountingProxy(target);
  onTestFinished(() => proxy.stop());
  return proxy;
}
