import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BuiltImage, type BuilderArgs } from "../../provider/index";
import { RunMemory } from "../../provider/run";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";

// How a user tests a program: Pulumi's mocks, and no network.
const fetches = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network in this test"));
const registered = new Map<string, Record<string, unknown>>();
// What npm test sets for its local environment.
vi.stubEnv("SLIPWAY_MIRRORS", "");
beforeAll(() =>
  pulumi.runtime.setMocks({
    newResource: ({ inputs, name }) => {
      registered.set(name, inputs);
      return { id: `${name}-id`, state: { ...inputs, digest: "sha256:1", sizeBytes: 1 } };
    },
    call: ({ inputs }) => inputs,
  }),
);
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => void output.apply(resolve));
}

const image = Image.debianSlim("3.11").pipInstall(["requests"]);

test("under Pulumi's mocks an image has a hash, and an uri of its repository, without a network", async () => {
  const built = new BuiltImage("api", { image, repository: "ghcr.io/acme/images" });
  const hash = await valueOf(built.hash);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(await valueOf(built.uri)).toBe(`ghcr.io/acme/images:${hash}`);
  expect(await valueOf(built.ref)).toBe("ghcr.io/acme/images@sha256:1");
  expect(fetches).not.toHaveBeenCalled();
});

test("an image in an Output is the same image", async () => {
  const plain = new BuiltImage("plain", { image, repository: "ghcr.io/acme/images" });
  const wrapped = new BuiltImage("wrapped", { image: pulumi.output(image), repository: "ghcr.io/acme/images" });
  const applied = new BuiltImage("applied", {
    image: pulumi.output("requests").apply((name) => Image.debianSlim("3.11").pipInstall([name])),
    repository: pulumi.output("ghcr.io/acme/images"),
  });
  const hash = await valueOf(plain.hash);
  expect(await valueOf(wrapped.hash)).toBe(hash);
  expect(await valueOf(applied.uri)).toBe(`ghcr.io/acme/images:${hash}`);
  const { __run: run, __urn: _, ...inputs } = registered.get("plain") ?? {};
  for (const name of ["wrapped", "applied"]) {
    const { __urn: __, ...others } = registered.get(name) ?? {};
    expect(others).toMatchObject(inputs);
    expect(Object.keys(others["__run"] ?? {})).toEqual(Object.keys(run ?? {}));
  }
});

test("what comes from a secret Output stays secret, and what comes from none is not", async () => {
  const repository = pulumi.secret("ghcr.io/acme/images");
  const { uri, ref, hash } = new BuiltImage("secret-place", { image, repository });
  expect(await Promise.all([uri, ref, hash].map((output) => pulumi.isSecret(output)))).toEqual([true, true, false]);
});

test("an image that is exported whole has all that another stack needs", async () => {
  const built = new BuiltImage("whole", { image, repository: "ghcr.io/acme/images" });
  expect(Object.keys(built)).toEqual(
    expect.arrayContaining(["hash", "uri", "ref", "handle", "digest", "platformDigests", "regions", "mountDigest"]),
  );
  const handle = { ref: "ghcr.io/acme/images@sha256:1", platformDigests: { "linux/amd64": "sha256:1" }, sizeBytes: 1 };
  expect(await valueOf(built.handle)).toMatchObject(handle);
  expect(await valueOf(pulumi.all([built.regions, built.mountDigest]))).toEqual([undefined, undefined]);
  expect(built.ref).toBe(built.ref);
});

test("what Pulumi refuses has the user's line on top of its stack", () => {
  const limit = Error.stackTraceLimit;
  let refusal: unknown;
  try {
    new BuiltImage("", { image, repository: "ghcr.io/acme/images" });
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(Error);
  expect(String(refusal instanceof Error && refusal.stack).split("\n")[1]).toContain("mocks.test.ts");
  expect(Error.stackTraceLimit).toBe(limit);
});

test("another package is another hash", async () => {
  const one = new BuiltImage("one", { image, repository: "ghcr.io/acme/images" });
  const other = new BuiltImage("other", { image: image.pipInstall(["rich"]), repository: "ghcr.io/acme/images" });
  expect(await valueOf(other.hash)).not.toBe(await valueOf(one.hash));
});

test("nothing of a builder is in an image's inputs but what is stripped of them", async () => {
  const builder: BuilderArgs = {
    endpoint: "tcp://buildkit:1234",
    tls: { ca: "ca.pem", cert: "cert.pem", key: Secret.fromConfig("builderKey") },
    caBundle: "corp.pem",
    compression: "zstd",
    cache: { to: "main", from: ["main"], mode: "min" },
    mirrors: { "docker.io": "mirror.acme.example" },
    maxConcurrency: 8,
    timeoutSeconds: 600,
    idleTimeoutSeconds: 60,
  };
  const [plain, built] = [
    new BuiltImage("plain-builder", { image, repository: "ghcr.io/acme/images" }),
    new BuiltImage("other-builder", { image, repository: "ghcr.io/acme/images", builder }),
  ];
  expect(await valueOf(built.hash)).toBe(await valueOf(plain.hash));
  const inputsOf = (name: string): Record<string, unknown> => registered.get(name) ?? {};
  const { __run: run, __urn: _, ...inputs } = inputsOf("other-builder");
  const { __run: __, __urn: ___, ...others } = inputsOf("plain-builder");
  expect(inputs).toEqual(others);
  // What the provider is told of the run, and takes out of the inputs (test/provider/run.test.ts).
  const memory = new RunMemory();
  expect(memory.takeFrom({ ...inputs, __urn: "urn:one", __run: run })).toEqual({ ...inputs, __urn: "urn:one" });
  expect(memory.of({ __urn: "urn:one" })).toMatchObject({
    mirrors: [{ registry: "docker.io", place: "mirror.acme.example" }],
    builder: {
      kind: "endpoint",
      endpoint: "tcp://buildkit:1234",
      tls: { ca: { kind: "file", path: "ca.pem" }, key: { kind: "config", key: "builderKey" } },
      caBundle: "corp.pem",
      compression: "zstd",
      cache: { to: "main", from: ["main"], mode: "min" },
      maxConcurrency: 8,
      timeoutSeconds: 600,
      idleTimeoutSeconds: 60,
    },
  });
});

test("a component may hold an image and what runs it", async () => {
  class Runner extends pulumi.CustomResource {
    constructor(ref: pulumi.Output<string>, parent: pulumi.Resource) {
      super("test:index:Runner", "runner", { ref }, { parent });
    }
  }
  class Service extends pulumi.ComponentResource {
    readonly runner: Runner;
    constructor() {
      super("test:index:Service", "service");
      const built = new BuiltImage("inner", { image, repository: "ghcr.io/acme/images" }, { parent: this });
      this.runner = new Runner(built.ref, this);
    }
  }
  expect(await valueOf(new Service().runner.urn)).toContain("Runner::runner");
});
