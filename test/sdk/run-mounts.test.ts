import { describe, expect, it } from "vitest";
import { addRunMounts } from "../../sdk/run-mounts";
import { imageCases, readImageCase } from "./golden";

const mounts = ["type=secret,id=a,target=/a", "type=secret,id=b,env=B"];
const flags = "--mount=type=secret,id=a,target=/a --mount=type=secret,id=b,env=B";

describe("addRunMounts", () => {
  it("adds the mounts to every RUN, before its own flags, and to nothing else", () => {
    const text = [
      "FROM x",
      "# RUN comment",
      "RUN a && \\",
      "  RUN b",
      'run --mount=type=cache,target=/c ["x"]',
      "ENV RUN=1",
      "RUN <<'EOF'",
      "RUN inside",
      "EOF",
      "  RUN c",
      'CMD ["RUN"]',
      "",
    ].join("\n");
    expect(addRunMounts(text, mounts)).toBe(
      [
        "FROM x",
        "# RUN comment",
        `RUN ${flags} a && \\`,
        "  RUN b",
        `run ${flags} --mount=type=cache,target=/c ["x"]`,
        "ENV RUN=1",
        `RUN ${flags} <<'EOF'`,
        "RUN inside",
        "EOF",
        `  RUN ${flags} c`,
        'CMD ["RUN"]',
        "",
      ].join("\n"),
    );
  });

  it.each(imageCases)("leaves every line of %s in its place", (name) => {
    const text = readImageCase(name).dockerfile.join("\n");
    expect(addRunMounts(text, []), name).toBe(text);
    const added = addRunMounts(text, mounts);
    expect(added.replaceAll(` ${flags}`, "")).toBe(text);
  });
});
