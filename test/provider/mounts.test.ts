import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { BuiltImage, ecrRepository, Mounts, podTemplate, Sandbox, type MountsArgs } from "../../provider/index";
import { detectMountMechanism } from "../../provider/mechanism";
import { Image } from "../../sdk/image";
import { FakeCluster } from "../fakes/fake-cluster";

interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

const made: Made[] = [];
vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network in this test"));
const before = process.cwd();
const folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-mounts-")));
beforeAll(() => process.chdir(folder));
beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        made.push({ type, name, inputs });
        const metadata = { namespace: "default", ...inputs.metadata, name: `${name}-1`, uid: `uid-${name}` };
        const own = { digest: "sha256:1", sizeBytes: 1, mountDigest: "sha256:2" };
        return { id: name, state: { ...inputs, ...(type.startsWith("kubernetes:") ? { metadata } : own) } };
      },
      call: ({ inputs }) => inputs,
    },
    "app",
    "dev",
  ),
);
beforeEach(() => made.splice(0));
afterAll(() => {
  vi.restoreAllMocks();
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => void output.apply(resolve));
}

const partsOf = async ({ volumes, volumeMounts, initContainers, annotations }: Mounts) => ({
  volumes: await valueOf(volumes),
  volumeMounts: await valueOf(volumeMounts),
  initContainers: await valueOf(initContainers),
  annotations: await valueOf(annotations),
});
const configMaps = (named: string) =>
  made.filter(({ type, name }) => type.endsWith(":ConfigMap") && name === named).map(({ inputs }) => inputs);
const base = Image.base("ubuntu:24.04");
const repository = "ghcr.io/acme/images";

/** All tests are one program, in one folder: each has its files below a name of its own. */
function makeSources(name: string): void {
  mkdirSync(join(name, "bin", "deep"), { recursive: true });
  writeFileSync(`${name}/ten.txt`, "0123456789");
  writeFileSync(`${name}/bin/run`, "#!", { mode: 0o755 });
  writeFileSync(`${name}/bin/deep/é b`, "x");
  writeFileSync(`${name}/bin/icon`, Buffer.from([0, 255, 1]));
}

test("small plain files come by a ConfigMap that nobody can change, each with its mode", async () => {
  makeSources("small");
  const image = base.addLocalFile("small/ten.txt", "/app/ten.txt").addLocalDir("small/bin", "/opt/bin");
  const mounts = new Mounts("small", { image, namespace: "web" });
  const { volumes, volumeMounts, initContainers, annotations } = await partsOf(mounts);
  expect(configMaps("small")).toEqual([
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        namespace: "web",
        labels: { "app.kubernetes.io/name": "mounts", "app.kubernetes.io/managed-by": "slipway" },
      },
      immutable: true,
      data: expect.any(Object),
      binaryData: expect.any(Object),
    },
  ]);
  const { data, binaryData } = configMaps("small")[0] ?? {};
  expect(new Set(Object.values(Object(data)))).toEqual(new Set(["#!", "0123456789", "x"]));
  expect(Object.values(Object(binaryData))).toEqual(["AP8B"]);
  for (const key of [data, binaryData].flatMap((part) => Object.keys(Object(part)))) {
    expect(key).toMatch(/^[-._a-zA-Z0-9]+$/);
  }
  const [volume] = volumes;
  if (volume === undefined || !("configMap" in volume)) throw new Error("there is no ConfigMap volume");
  expect(volume.configMap.name).toBe("small-1");
  expect(volume.configMap.items?.map(({ path, mode }) => [path, mode?.toString(8)])).toEqual([
    ["0/ten.txt", "644"],
    ["1/deep/é b", "644"],
    ["1/icon", "644"],
    ["1/run", "755"],
  ]);
  expect(volumeMounts).toEqual([
    { name: volume.name, mountPath: "/app/ten.txt", subPath: "0/ten.txt", readOnly: true },
    { name: volume.name, mountPath: "/opt/bin", subPath: "1", readOnly: true },
  ]);
  expect(initContainers).toEqual([]);
  expect(Object.values(annotations)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
});

test("another byte, exec bit or path is another checksum; the same files have the same", async () => {
  makeSources("checksum");
  const checksum = async (destination = "/opt/bin") => {
    const mounts = new Mounts("files", { image: base.addLocalDir("checksum/bin", destination) });
    return Object.values(await valueOf(mounts.annotations))[0];
  };
  const first = await checksum();
  expect(await checksum()).toBe(first);
  const others = [await checksum("/opt/other")];
  chmodSync("checksum/bin/run", 0o644);
  others.push(await checksum());
  writeFileSync("checksum/bin/run", "#?");
  others.push(await checksum());
  expect(new Set([first, ...others]).size).toBe(4);
});

test("what a ConfigMap cannot hold is mounted from the image that BuiltImage pushed; a single file is copied", async () => {
  makeSources("large");
  writeFileSync("large/bin/large", Buffer.alloc(2_000_000));
  const built = new BuiltImage("api", {
    image: base.addLocalFile("large/ten.txt", "/app/ten.txt").addLocalDir("large/bin", "/opt/bin"),
    repository,
  });
  const { volumes, volumeMounts, initContainers, annotations } = await partsOf(new Mounts("pushed", { image: built }));
  const handle = await valueOf(built.handle);
  expect(handle.mounts).toEqual({
    hash: Object.values(annotations)[0],
    ref: `${repository}@sha256:2`,
    points: [
      { path: "/app/ten.txt", kind: "file" },
      { path: "/opt/bin", kind: "dir" },
    ],
  });
  const [name, copies] = volumes.map((volume) => volume.name);
  expect(volumes).toEqual([
    { name, image: { reference: `${repository}@sha256:2`, pullPolicy: "IfNotPresent" } },
    { name: copies, emptyDir: {} },
  ]);
  expect(volumeMounts).toEqual([
    { name: copies, mountPath: "/app/ten.txt", subPath: "0/ten.txt", readOnly: true },
    { name, mountPath: "/opt/bin", subPath: "1", readOnly: true },
  ]);
  expect(initContainers).toEqual([
    {
      name: copies,
      image: `${repository}@sha256:2`,
      imagePullPolicy: "IfNotPresent",
      command: ["/.slipway/copy", "/mounts", "/.slipway/0"],
      resources: { requests: { cpu: "1m", memory: "16Mi" }, limits: { memory: "64Mi" } },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65534,
        runAsGroup: 65534,
        seccompProfile: { type: "RuntimeDefault" },
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      volumeMounts: [{ name: copies, mountPath: "/mounts" }],
    },
  ]);
  expect(configMaps("pushed")).toEqual([]);
});

test("a handle of another stack brings its mounts, and no local file is looked for", async () => {
  const mounts = {
    hash: "1".repeat(64),
    ref: `${repository}@sha256:2`,
    points: [{ path: "/x", kind: "dir" as const }],
  };
  const handle = { uri: "u", ref: "r", hash: "h", platforms: ["linux/amd64"], sizeBytes: 1, mounts };
  const image = pulumi.output(handle);
  const { volumes, volumeMounts } = await partsOf(new Mounts("files", { image, mechanism: "initContainer" }));
  expect(volumes).toEqual([{ name: expect.any(String), emptyDir: {} }]);
  expect(volumeMounts).toEqual([{ name: volumes[0]?.name, mountPath: "/x", subPath: "0", readOnly: true }]);
  const none = await partsOf(new Mounts("none", { image: pulumi.output({ ...handle, mounts: undefined }) }));
  expect(none).toEqual({ volumes: [], volumeMounts: [], initContainers: [], annotations: {} });
});

test("a sandbox mounts what its image brings, and a pod template what it is given", async () => {
  makeSources("dev");
  const image = new BuiltImage("dev", { image: base.addLocalFile("dev/ten.txt", "/app/ten.txt"), repository });
  const sandbox = new Sandbox("dev", { image });
  await valueOf(sandbox.name);
  expect(made.find(({ type }) => type.endsWith(":Deployment"))?.inputs).toMatchObject({
    spec: {
      template: {
        spec: {
          containers: [{ volumeMounts: [{ mountPath: "/app/ten.txt" }] }],
          volumes: [{ configMap: { name: "dev-mounts-1" } }],
        },
      },
    },
  });
  const mounts = new Mounts("own", { image });
  const template = await valueOf(podTemplate(image, { labels: {}, mounts }));
  expect(template.spec.volumes).toHaveLength(1);
  expect(template.metadata.annotations).toEqual(await valueOf(mounts.annotations));
  expect((await valueOf(podTemplate(image, { labels: {} }))).spec.volumes).toBeUndefined();
});

test("a sandbox of an image without mounts makes nothing for them", async () => {
  await valueOf(new Sandbox("plain", { image: new BuiltImage("plain", { image: base, repository }) }).name);
  expect(made.map(({ type }) => type)).not.toContain("slipway:index:Mounts");
});

test("what cannot be brought is refused at the user's line", async () => {
  writeFileSync("file", Buffer.alloc(2_000_000));
  const large = base.addLocalFile("file", "/large");
  const wrong = (args: MountsArgs) => () => new Mounts("wrong", args);
  expect(wrong({ image: large })).toThrow(
    /a ConfigMap cannot hold these mounts \(they have more than 1 MiB\), and an Image has no repository to push them to\. Give new BuiltImage\(.*\n {4}at .*mounts\.test\.ts/,
  );
  expect(() => new Sandbox("wrong", { image: large })).toThrow(
    /^new Sandbox\("wrong", …\): .*\n {4}at .*mounts\.test\.ts/,
  );
  expect(wrong({ image: "python:3.12" })).toThrow("a reference has no mounts");
  const built = new BuiltImage("l", { image: large, repository });
  expect(wrong({ image: built, mechanism: "configMap" })).toThrow(
    "a ConfigMap cannot hold these mounts: they have more than 1 MiB.",
  );
  expect(() => Reflect.construct(Mounts, ["wrong", { image: base, mechansim: "auto" }])).toThrow(
    "no argument mechansim",
  );
  expect(() => Reflect.construct(Mounts, ["wrong", { image: base, mechanism: "nfs" }])).toThrow("mechanism is none of");
  await valueOf(built.handle);
});

test("an image volume needs Kubernetes 1.35 and containerd 2.2 on every node", async () => {
  const cluster = new FakeCluster();
  const detect = () => detectMountMechanism("", () => Promise.resolve(cluster));
  expect(await detect()).toBe("imageVolume");
  cluster.runtimes = ["containerd://2.2.4", "containerd://2.1.5"];
  expect(await detect()).toBe("initContainer");
  cluster.runtimes = ["cri-o://1.35.0", "containerd://3.0.0"];
  expect(await detect()).toBe("imageVolume");
  cluster.version = { major: 1, minor: 34 };
  expect(await detect()).toBe("initContainer");
  expect(await detectMountMechanism("", () => Promise.reject(new Error("no cluster")))).toBe("imageVolume");
});

test("in another region of its repository an image and its mounts are that region's", async () => {
  makeSources("regions");
  const image = base.addLocalDir("regions/bin", "/opt/bin");
  const regions = ["eu-west-1", "us-west-2"];
  const there = ecrRepository({ name: "images", regions, account: "123456789012" });
  const built = new BuiltImage("regions", { image, repository: there });
  const american = built.in("us-west-2");
  const place = "123456789012.dkr.ecr.us-west-2.amazonaws.com/images";
  expect(await valueOf(american.handle)).toMatchObject({
    uri: `${place}:${await valueOf(built.hash)}`,
    ref: `${place}@sha256:1`,
    platforms: ["linux/amd64"],
    mounts: { ref: `${place}@sha256:2`, points: [{ path: "/opt/bin", kind: "dir" }] },
  });
  const { volumes } = await partsOf(new Mounts("regions", { image: american.handle }));
  expect(volumes).toMatchObject([{ image: { reference: `${place}@sha256:2` } }]);
  new Sandbox("regions", { image: american.handle });
  await vi.waitFor(() => expect(made.some(({ type }) => type.endsWith(":Deployment"))).toBe(true));
  const deployment = JSON.stringify(made.find(({ type }) => type.endsWith(":Deployment"))?.inputs);
  expect(deployment).toContain(`"image":"${place}@sha256:1"`);
  expect(deployment).toContain(`"reference":"${place}@sha256:2"`);
  expect(deployment).not.toContain("eu-west-1");
});
