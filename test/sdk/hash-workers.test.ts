import { hash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hashEntries, hashTree } from "../../sdk/files";
import { isWorthWorkers } from "../../sdk/hash-workers";
import { listTree } from "../../sdk/list-tree";
import type { Tree } from "../../sdk/tree";
import { rejectionOf } from "./errors";
import { makeFolder } from "./folder";

const filesOf = (tree: Tree) => tree.filter((entry) => entry.type === "file");

/** A folder that is worth the workers. */
function makeMany(): { readonly whole: string; readonly tree: () => Promise<Tree> } {
  const whole = makeFolder();
  for (let index = 0; index < 2_100; index += 1) {
    if (index % 100 === 0) mkdirSync(join(whole, `d${index / 100}`));
    writeFileSync(join(whole, `d${Math.floor(index / 100)}`, `${index}`), `file ${index}`.repeat(index % 50));
  }
  writeFileSync(join(whole, "large"), Buffer.alloc(2_500_000, "slipway"));
  chmodSync(join(whole, "large"), 0o755);
  return { whole, tree: () => listTree(whole) };
}

describe("hashing in workers", () => {
  it("gives the hash of what is in the files", async () => {
    const tree = await makeMany().tree();
    expect(isWorthWorkers(filesOf(tree))).toBe(true);
    const entries = tree.map((entry) => {
      if (entry.type !== "file") return entry;
      const { path, executable, absolutePath } = entry;
      return { type: "file" as const, path, executable, sha256: hash("sha256", readFileSync(absolutePath), "hex") };
    });
    expect(await hashTree(tree)).toBe(hashEntries(entries));
  });

  it("names the file that cannot be read", async () => {
    const { whole, tree } = makeMany();
    const listed = await tree();
    rmSync(join(whole, "d3/333"));
    expect((await rejectionOf(hashTree(listed))).message).toBe(
      "d3/333: it is not there any more. Run it again when nothing writes there.",
    );
  });

  it("ends when it is told to, and says how far it is before that", async () => {
    const folder = makeFolder({ f: "" });
    truncateSync(join(folder, "f"), 5_000_000_000);
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ bytes }: { bytes: number }): void => {
      seen.push(bytes);
      stop.abort();
    };
    const work = hashTree(await listTree(folder), { signal: stop.signal, onProgress });
    await expect(work).rejects.toThrow("aborted");
    expect(seen).toEqual([expect.any(Number)]);
  });
});
