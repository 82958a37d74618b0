import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newRepository } from "../integration/real-parts";
import { pulumi, writeFiles } from "../e2e/stack";
import { kubectl, makeClusterStack, newNamespace, podsIn } from "./cluster-parts";

/** Ten bytes. */
const TEN = "0123456789";

/** A folder of 3 MB with a script and a link. */
function writeTools(folder: string): void {
  mkdirSync(join(folder, "tools", "bin"), { recursive: true });
  writeFileSync(join(folder, "tools", "data"), Buffer.alloc(3_000_000, "x"));
  writeFileSync(join(folder, "tools", "bin", "hello"), "#!/bin/sh\necho hello from $0\n");
  chmodSync(join(folder, "tools", "bin", "hello"), 0o755);
  symlinkSync("bin/hello", join(folder, "tools", "greet"));
}

const inPod = (namespace: string, name: string, script: string): Promise<string> =>
  kubectl("exec", "-n", namespace, `deploy/${name}`, "--", "sh", "-c", script);

const program = (namespace: string, rest: string): string => `
import { Mounts } from "slipway/pulumi";
const repository = "${newRepository()}";
const base = Image.debianSlim("3.11").runCommands("mkdir /app && echo of the image > /app/kept");
const namespace = "${namespace}";
const run = { namespace, user: 1000, command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.2; done"] };
${rest}`;

test("a small file is mounted from a ConfigMap beside the image's own; another content restarts, and builds nothing", async () => {
  const namespace = await newNamespace();
  const stack = await makeClusterStack(
    program(
      namespace,
      `
const image = new BuiltImage("app", { image: base.addLocalFile("ten.txt", "/app/ten.txt").addLocalDir("conf", "/app/conf"), repository });
const sandbox = new Sandbox("dev", { image, ...run });
export const name = sandbox.name; export const uri = image.uri; export const handle = image.handle;`,
    ),
  );
  writeFiles(stack.folder, { "ten.txt": TEN, "conf/a/b.json": "{}" });
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const name = String(up.outputs["name"]);
  const look = "cat /app/ten.txt /app/kept /app/conf/a/b.json; stat -c %a /app/ten.txt";
  expect(await inPod(namespace, name, look)).toBe(`${TEN}of the image\n{}644\n`);
  expect(up.outputs["handle"]).toMatchObject({
    mounts: {
      points: [
        { path: "/app/conf", kind: "dir" },
        { path: "/app/ten.txt", kind: "file" },
      ],
    },
  });
  const before = (await podsIn(namespace)).map(({ metadata }) => metadata.uid);

  writeFiles(stack.folder, { "ten.txt": "9876543210" });
  const again = await pulumi(stack, "up", { env: { SLIPWAY_BUILDER: "tcp://127.0.0.1:1" } });
  expect(again.exitCode, again.text).toBe(0);
  expect(again.steps["app"]).toEqual(["update"]);
  expect(again.outputs["uri"]).toBe(up.outputs["uri"]);
  expect(await inPod(namespace, name, "cat /app/ten.txt")).toBe("9876543210");
  const after = (await podsIn(namespace)).map(({ metadata }) => metadata.uid);
  expect(after).not.toEqual(before);
  const maps = await kubectl("get", "configmaps", "-n", namespace, "-l", "app.kubernetes.io/name=mounts", "-o", "name");
  expect(maps.trim().split("\n")).toHaveLength(1);
  const same = await pulumi(stack, "up");
  expect(same.changes, same.text).toEqual({ same: expect.any(Number) });
});

test.each(["imageVolume", "initContainer"])(
  "a folder of 3 MB, its script and its link arrive: %s",
  async (mechanism) => {
    const namespace = await newNamespace();
    const stack = await makeClusterStack(
      program(
        namespace,
        `
const image = new BuiltImage("app", { image: base.addLocalDir("tools", "/opt/tools").addLocalFile("ten.txt", "/app/ten.txt"), repository });
const mounts = new Mounts("files", { image: image.handle, namespace, mechanism: "${mechanism}" });
const sandbox = new Sandbox("dev", { image: image.handle, mounts, ...run });
export const name = sandbox.name; export const uri = image.uri;`,
      ),
    );
    writeTools(stack.folder);
    writeFiles(stack.folder, { "ten.txt": TEN });
    const up = await pulumi(stack, "up");
    expect(up.exitCode, up.text).toBe(0);
    const name = String(up.outputs["name"]);
    const look =
      "/opt/tools/greet; /opt/tools/bin/hello; readlink /opt/tools/greet; wc -c < /opt/tools/data; cat /app/ten.txt /app/kept; ls /opt/tools";
    expect(await inPod(namespace, name, look)).toBe(
      `hello from /opt/tools/greet\nhello from /opt/tools/bin/hello\nbin/hello\n3000000\n${TEN}of the image\nbin\ndata\ngreet\n`,
    );

    writeFiles(stack.folder, { "tools/bin/hello": "#!/bin/sh\necho changed\n" });
    const again = await pulumi(stack, "up", { env: { SLIPWAY_BUILDER: "tcp://127.0.0.1:1" } });
    expect(again.exitCode, again.text).toBe(0);
    expect(again.steps["app"]).toEqual(["update"]);
    expect(again.lines["app"]?.join("\n")).toContain("mounts: tools/ → /opt/tools changed; pushes them");
    expect(again.outputs["uri"]).toBe(up.outputs["uri"]);
    expect(await inPod(namespace, name, "/opt/tools/greet")).toBe("changed\n");
  },
);

test("in a sandbox a large folder of its BuiltImage is mounted without a word", async () => {
  const namespace = await newNamespace();
  const stack = await makeClusterStack(
    program(
      namespace,
      `
const image = new BuiltImage("app", { image: base.addLocalDir("tools", "/opt/tools"), repository });
export const name = new Sandbox("dev", { image, ...run }).name;`,
    ),
  );
  writeTools(stack.folder);
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  expect(up.text).not.toContain("not in the image");
  expect(await inPod(namespace, String(up.outputs["name"]), "/opt/tools/greet")).toBe("hello from /opt/tools/greet\n");
});
