import { expect, onTestFinished, test } from "vitest";
import { readImage, type ApplyContext } from "../../provider/apply";
import { EcrRegistry } from "../../provider/ecr-registry";
import { OciRegistry } from "../../provider/oci-registry";
import { onlyPlace } from "../../provider/place";
import type { Registry } from "../../provider/registry";
import { readSettings } from "../../provider/settings";
import { SharedBuilds } from "../../provider/shared-builds";
import { FaultProxy } from "../fakes/fault-proxy";
import { makeInputs, toProps } from "../fakes/image-inputs";
import { noSecrets } from "../fakes/secret-places";
import { PLACE, useEcr } from "./ecr-parts";

const plainHost = readSettings(process.env).repository?.split("/")[0] ?? "";
const LIMIT_MS = 300;
const ecr = useEcr();

/** What a refresh does with an image of a registry that never answers. */
async function refresh(target: string, connect: (host: string) => Registry) {
  const proxy = await new FaultProxy({ target }).start();
  onTestFinished(() => proxy.stop());
  proxy.use({ kind: "existence", fault: "stall", skip: 0, times: Infinity });
  const inputs = makeInputs({ repository: `${proxy.host}/images` });
  const warnings: string[] = [];
  const silent = () => undefined;
  const context: Pick<ApplyContext, "placesOf" | "logFor" | "signal"> = {
    placesOf: () => onlyPlace(connect(proxy.host), inputs.repository),
    logFor: () => ({ info: silent, error: silent, status: silent, warn: (text) => void warnings.push(text) }),
    signal: new AbortController().signal,
  };
  const props = { ...toProps(inputs), digest: "sha256:1", sizeBytes: 1, __urn: "urn:one", __provider: "text" };
  const unused = () => {
    throw new Error("a refresh builds nothing");
  };
  const all: ApplyContext = {
    ...context,
    bases: connect(proxy.host),
    makeBuilder: unused,
    placesFor: () => noSecrets,
    factsOf: unused,
    makeFolder: unused,
    shared: new SharedBuilds(),
    limitOf: () => (work) => work(),
  };
  return { read: await readImage(all, inputs.hash, props), expected: { id: inputs.hash, props }, warnings, proxy };
}

test("a refresh of a registry that never answers keeps the state, with a warning, within its limit", async () => {
  const startedMs = performance.now();
  const run = await refresh(plainHost, () => {
    const findCredentials = () => Promise.resolve(undefined);
    return new OciRegistry({ findCredentials, timeoutMs: LIMIT_MS, backoffMs: () => 10 });
  });
  expect(run.read).toEqual(run.expected);
  expect(run.warnings).toHaveLength(1);
  expect(run.warnings[0]).toMatch(/^kept as it is, .*the registry cannot be reached: .*timeout/);
  expect(run.proxy.met).toBe(4);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a refresh of an ECR that never answers keeps the state, with a warning, within its limit", async () => {
  const run = await refresh(ecr().endpoint.replace("http://", ""), (host) => {
    return new EcrRegistry({ ...PLACE, endpoint: `http://${host}` }, { attempts: 2, timeoutMs: LIMIT_MS });
  });
  expect(run.read).toEqual(run.expected);
  expect(run.warnings[0]).toMatch(/^kept as it is, .*BatchGetImage in eu-west-1: ECR cannot be reached/);
});
