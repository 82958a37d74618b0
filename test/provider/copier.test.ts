import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import binaries from "../../provider/copier/binaries.json";
import { assemble } from "../../tools/pause.mjs";
import { hasAssemblers } from "../fakes/assemblers";
import { makeFolder } from "../sdk/folder";

test.skipIf(!hasAssemblers)(
  "the shipped bytes are those of the source (needs binutils for both architectures)",
  async () => {
    expect(await assemble("copier")).toEqual(binaries);
  },
);

const emulator = (architecture: keyof typeof binaries): readonly string[] | undefined => {
  if (process.platform !== "linux") return undefined;
  const own = process.arch === "arm64" ? "arm64" : "amd64";
  if (architecture === own) return [];
  const name = architecture === "arm64" ? "qemu-aarch64-static" : "qemu-x86_64-static";
  return spawnSync(name, ["--version"]).status === 0 ? [name] : undefined;
};

for (const architecture of ["amd64", "arm64"] as const) {
  const run = emulator(architecture);
  test.skipIf(run === undefined)(`${architecture}: it brings files, links and modes, again too (needs qemu)`, () => {
    const folder = makeFolder({ "from/a": "text", "from/sub/run": "#!", empty: "" });
    writeFileSync(join(folder, "from", "large"), Buffer.alloc(3_000_000, "x"));
    writeFileSync(join(folder, "copy"), Buffer.from(binaries[architecture], "base64"), { mode: 0o755 });
    const to = join(folder, "to");
    mkdirSync(to);
    // Paths in a list are below the root of the file system.
    const root = folder.slice(1);
    const parents = root.split("/").map((_, index, names) => `d${names.slice(0, index + 1).join("/")}\0`);
    const list = [
      ...parents,
      ...[`d${root}/from`, `f${root}/from/a`, `f${root}/from/large`, `d${root}/from/sub`].map((line) => `${line}\0`),
      `l${root}/from/link\0sub/run\0x${root}/from/sub/run\0`,
    ];
    writeFileSync(join(folder, "list"), list.join(""));
    const [command, ...args] = [...(run ?? []), join(folder, "copy"), to];
    const copy = (...lists: readonly string[]) => spawnSync(command, [...args, ...lists]).status;
    expect([copy(join(folder, "empty"), join(folder, "list")), copy(join(folder, "list"))]).toEqual([0, 0]);
    const made = join(to, root, "from");
    expect(readFileSync(join(made, "a"), "utf8")).toBe("text");
    expect(statSync(join(made, "large")).size).toBe(3_000_000);
    expect(readlinkSync(join(made, "link"))).toBe("sub/run");
    const modes = [".", "a", "sub", "sub/run"].map((path) => (statSync(join(made, path)).mode & 0o7777).toString(8));
    expect(modes).toEqual(["755", "644", "755", "755"]);
    writeFileSync(join(folder, "wrong"), `f${root}/nowhere\0`);
    expect([copy(join(folder, "wrong")), copy("/nowhere"), copy()]).toEqual([1, 1, 1]);
  });
}
