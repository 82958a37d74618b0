import { expect, onTestFinished, test } from "vitest";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { Leftovers } from "../../provider/leftovers";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { parseRepository } from "../../sdk/reference";
import { FaultProxy } from "../fakes/fault-proxy";
import { environmentBuilder, newFolder, newName, registry, requestFor } from "../integration/real-parts";

const STALL_MS = 60_000;
const plainHost = readSettings(process.env).repository?.split("/")[0] ?? "";

test(
  "a push that stands still for 60 s is ended, and the same build once more succeeds",
  { timeout: 180_000 },
  async () => {
    const proxy = await new FaultProxy({ target: plainHost }).start();
    onTestFinished(() => proxy.stop());
    const repository = `test/${newName()}`;
    const image = Image.debianSlim("3.11").runCommands(`echo ${newName()} > /word`);
    const request = await requestFor(image, `${proxy.host}/${repository}`);
    const lines: string[] = [];
    proxy.use({ kind: "blobUpload", fault: "stall", skip: 0, times: 1 });
    const choice = parseBuilderChoice(environmentBuilder);
    const builder = new BuildkitBuilder(choice, new Leftovers(newFolder()), process.env, { pushStallMs: STALL_MS });
    const startedMs = performance.now();
    const digest = await builder.build({ ...request, onProgress: ({ text }) => void lines.push(text) });
    expect(performance.now() - startedMs).toBeGreaterThan(STALL_MS);
    expect(proxy.met).toBe(1);
    expect(lines).toContain("the push stands still; once more with what is in the builder's cache");
    const stored = await registry.fetchManifest(parseRepository(`${plainHost}/${repository}`), digest);
    expect(stored?.digest).toBe(digest);
  },
);
