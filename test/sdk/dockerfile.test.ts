import { describe, expect, it } from "vitest";
import { renderDockerfile } from "../../sdk/dockerfile";
import { imageCases, importCases, readImageCase, readImportCase } from "./golden";
import { specOf, treeOf } from "./specs";

describe("renderDockerfile", () => {
  it.each(imageCases)("writes the golden Dockerfile of %s", (name) => {
    const { spec, dockerfile } = readImageCase(name);
    expect(renderDockerfile(spec).text.split("\n")).toEqual(dockerfile);
  });

  it.each(importCases)("writes the golden Dockerfile of %s, on an import", (name) => {
    const { spec, dockerfile } = readImportCase(name);
    expect(renderDockerfile(spec).text.split("\n")).toEqual(dockerfile);
  });

  it("tells for each step in emitted order its first line and its folder of the context", () => {
    const spec = specOf([
      { kind: "copyFile", source: "a", destination: "/app/a", tree: treeOf("1") },
      { kind: "run", command: "one\ntwo" },
      { kind: "copyFile", source: "b", destination: "/app/b", tree: treeOf("2") },
      { kind: "user", user: "worker" },
    ]);
    const { text, steps } = renderDockerfile(spec);
    expect(steps.map(({ step, line, contextFolder }) => [step.kind, line, contextFolder])).toEqual([
      ["copyFile", 2, "c/0"],
      ["run", 3, "c/1"],
      ["user", 8, "c/2"],
      ["copyFile", 9, "c/3"],
    ]);
    expect(text.split("\n")[7]).toBe("USER worker");
  });

  it("names another base when it is given one", () => {
    expect(renderDockerfile(specOf([]), { from: "localhost:5000/images@sha256:1" }).text).toBe(
      "FROM localhost:5000/images@sha256:1\n",
    );
  });

  it("never lets a command end its own here-document", () => {
    const lines = renderDockerfile(specOf([{ kind: "run", command: "SLIPWAY\nSLIPWAY_" }])).text.split("\n");
    expect(lines.slice(1)).toEqual(["RUN <<'SLIPWAY__'", "set -e", "SLIPWAY", "SLIPWAY_", "SLIPWAY__", ""]);
  });
});
