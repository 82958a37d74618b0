import { describe, expect, it } from "vitest";
import { renderPipRun } from "../../sdk/pip-command";

/** The arguments of the exec form, after the mounts. */
function argsOf(text: string): readonly string[] {
  return JSON.parse(text.slice(text.indexOf("[")));
}

describe("renderPipRun", () => {
  it("mounts what pip fetched, and never what it built", () => {
    const mounts = renderPipRun({ installer: "pip" }, ["a"]).split(" [")[0];
    expect(mounts?.split(" ")).toEqual([
      "--mount=type=tmpfs,target=/tmp/slipway-pip",
      "--mount=type=cache,id=slipway-pip-http,target=/tmp/slipway-pip/http",
      "--mount=type=cache,id=slipway-pip-http-v2,target=/tmp/slipway-pip/http-v2",
    ]);
  });

  it("gives pip every operand as one argument, whatever it holds", () => {
    const operands = ["pandas>=2.0", "a; python_version < '3.12'", '"$HOME" `x`'];
    expect(argsOf(renderPipRun({ installer: "pip" }, operands)).slice(-3)).toEqual(operands);
  });

  it("quotes the operands of uv for its shell", () => {
    const script = argsOf(renderPipRun({ installer: "uv" }, ["pandas>=2.0", "a; python_version < '3.12'"])).at(-1);
    expect(script).toContain(` 'pandas>=2.0' 'a; python_version < '\\''3.12'\\'''; rm -rf /tmp/slipway-uv`);
  });

  it("fetches uv itself from the given index, too", () => {
    const script = argsOf(renderPipRun({ installer: "uv", indexUrl: "https://i.example" }, ["a"])).at(-1);
    expect(script?.match(/'--index-url' 'https:\/\/i\.example'/g)).toHaveLength(2);
  });
});
