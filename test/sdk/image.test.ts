import { describe, expect, it } from "vitest";
import { Image } from "../../sdk/image";
import { hashSpec } from "../../sdk/hash";
import { renderDockerfile } from "../../sdk/dockerfile";
import { enterFolder } from "./folder";
import { resolveImage } from "./specs";

const base = Image.debianSlim("3.11");
const textOf = async (image: Image): Promise<string> =>
  renderDockerfile(await resolveImage(image))
    .text.split("\n")
    .slice(1, -1)
    .join("\n");

describe("Image", () => {
  it("two images from one base do not disturb each other", () => {
    const before = JSON.stringify(base);
    const a = base.pipInstall(["a"]).env({ A: "1" });
    const b = base.pipInstall(["b"]);
    const c = a.workdir("/c");
    expect([base, a, b, c].map((image) => image.spec.steps.map((step) => step.kind))).toEqual([
      [],
      ["pip", "env"],
      ["pip"],
      ["pip", "env", "workdir"],
    ]);
    expect(JSON.stringify(base)).toBe(before);
    expect(b.spec.steps[0]).toMatchObject({ packages: ["b"] });
  });

  it("is frozen to its depth", () => {
    const image = base.pipInstall(["a"], { extraOptions: ["--no-deps"] }).env({ A: "1" });
    const parts: unknown[] = [
      image,
      image.spec,
      image.callSites,
      image.spec.steps,
      ...image.spec.steps.flatMap((step) => [step, ...Object.values(step)]),
    ];
    expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([]);
  });

  it("keeps what it was given, whatever happens to the arguments later", () => {
    const packages = ["a"];
    const variables = { A: "1" };
    const image = base.pipInstall(packages).env(variables);
    packages.push("b");
    variables.A = "2";
    expect(image.spec.steps).toEqual([
      { kind: "pip", packages: ["a"], installer: "pip" },
      { kind: "env", variables: { A: "1" } },
    ]);
    expect(Object.isFrozen(packages) || Object.isFrozen(variables)).toBe(false);
  });

  it("an empty list, or nothing to set, gives the same image", () => {
    for (const same of [
      base.pipInstall([]),
      base.aptInstall([]),
      base.runCommands(),
      base.dockerfileCommands([]),
      base.env({}),
    ]) {
      expect(same).toBe(base);
    }
  });

  it("its spec is plain JSON without call sites and absolute paths", () => {
    const folder = enterFolder({ "a.txt": "" });
    const image = base.addLocalFile(`${folder}/a.txt`, "/a.txt", { strategy: "copy" });
    expect(JSON.parse(JSON.stringify(image.spec))).toEqual({
      mounts: [],
      format: "image/v2",
      base: "docker.io/library/python:3.11-slim-bookworm",
      steps: [{ kind: "copyFile", source: "a.txt", destination: "/a.txt" }],
    });
  });

  it("is recognised by its spec, also without its class", () => {
    const stripped: unknown = { spec: base.spec, callSites: [] };
    expect([base, stripped, { spec: {} }, null, "python:3.11"].map((value) => Image.isImage(value))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("its methods write", () => {
  it.each<[string, Image, string]>([
    ["workdir", base.workdir("/a//b/./c/"), 'WORKDIR "/a/b/c"'],
    ["env", base.env({ PRICE: "5 $", Q: '"\\' }), 'ENV PRICE="5 \\$" Q="\\"\\\\"'],
    ["user", base.user("1000:1000"), "USER 1000:1000"],
    ["entrypoint", base.entrypoint(["sh", "-c", 'echo "$0"\n']), String.raw`ENTRYPOINT ["sh","-c","echo \"$0\"\n"]`],
    ["cmd", base.cmd([]), "CMD []"],
    ["runCommands, a layer each", base.runCommands("make", "a\nb"), "RUN make\nRUN <<'SLIPWAY'\nset -e\na\nb\nSLIPWAY"],
    ["dockerfileCommands", base.dockerfileCommands(["EXPOSE 80", "LABEL a=b"]), "EXPOSE 80\nLABEL a=b"],
  ])("%s", async (_, image, text) => {
    expect(await textOf(image)).toBe(text);
  });

  it("keeps mounts beside the steps, and both with their lines", () => {
    enterFolder({ "app.py": "", "src/c": "2" });
    const image = base
      .addLocalFile("app.py", "/app/")
      .runCommands("make")
      .addLocalDir("src", "/app/src")
      .addLocalFile("app.py", "/copied.py", { strategy: "copy" });
    expect(image.spec.steps.map(({ kind }) => kind)).toEqual(["run", "copyFile"]);
    expect(image.spec.mounts).toEqual([
      { kind: "copyFile", source: "app.py", destination: "/app/app.py" },
      { kind: "copyDir", source: "src", destination: "/app/src" },
    ]);
    expect(image.callSites).toHaveLength(2);
    expect(image.mountCallSites).toEqual([
      expect.stringContaining("image.test.ts"),
      expect.stringContaining("image.test.ts"),
    ]);
    expect(base.spec.mounts).toEqual([]);
  });

  it("copies, to the file's own path or into a folder", async () => {
    enterFolder({ "a b.txt": "1", "src/c": "2" });
    const copy = { strategy: "copy" } as const;
    const image = base
      .addLocalFile("a b.txt", "/app/x [1].txt", copy)
      .addLocalFile("a b.txt", "/data/", copy)
      .addLocalFile("a b.txt", "/.", copy)
      .addLocalDir("src", "/srv/my src/", copy);
    expect(image.spec.steps.map((step) => ("destination" in step ? step.destination : ""))).toEqual([
      "/app/x [1].txt",
      "/data/a b.txt",
      "/a b.txt",
      "/srv/my src",
    ]);
    expect(await textOf(image)).toBe(
      [
        'COPY --link ["c/0/","/app/"]',
        'COPY --link ["c/1/","/data/"]',
        'COPY --link ["c/2/","/"]',
        'COPY --link ["c/3/","/srv/my src/"]',
      ].join("\n"),
    );
  });

  it("default to Python 3.12", () => {
    expect(Image.debianSlim().spec.base).toBe("docker.io/library/python:3.12-slim-bookworm");
    expect(Image.debianSlim("3.11.9").spec.base).toBe("docker.io/library/python:3.11.9-slim-bookworm");
    expect(Image.base("nvcr.io/nvidia/pytorch:24.01-py3").spec.base).toBe("nvcr.io/nvidia/pytorch:24.01-py3");
  });
});

it("a copied file counts by its bytes, exec bit and destination, not by its name here", async () => {
  enterFolder({ "a.txt": "1", "b.txt": "1", "c.txt": "2" });
  const hash = async (path: string): Promise<string> =>
    hashSpec(await resolveImage(base.addLocalFile(path, "/x", { strategy: "copy" })));
  expect(await hash("b.txt")).toBe(await hash("a.txt"));
  expect(await hash("c.txt")).not.toBe(await hash("a.txt"));
});
