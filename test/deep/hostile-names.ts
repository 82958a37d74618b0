import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendContext } from "../../provider/context";
import { hashTree } from "../../sdk/files";
import { listTree } from "../../sdk/list-tree";
import { hostileText } from "./hostile-texts";
import { Random } from "./random";

export interface NamesRun {
  readonly files: number;
  readonly links: number;
  /** Names and targets that the tar of a build does not hold, and those that it holds instead. */
  readonly different: readonly string[];
}

/** Gives files and links hostile names and targets, and reads the tar that a build would be sent with Python. */
export async function sendHostileNames({
  seed,
  count,
}: {
  readonly seed: number;
  readonly count: number;
}): Promise<NamesRun> {
  const random = new Random(seed);
  const place = mkdtempSync(join(tmpdir(), "slipway-names-"));
  const folder = join(place, "files");
  const expected: [string, string | null][] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      // A folder for each, so that none is like another.
      const parent = join(folder, String(index));
      mkdirSync(parent, { recursive: true });
      const name = take(random, isName);
      const target = index % 4 === 0 ? take(random, isTarget) : undefined;
      if (target === undefined) writeFileSync(join(parent, name), "");
      else symlinkSync(target, join(parent, name));
      expected.push([`c/0/${index}/${name}`, target ?? null]);
    }
    const tree = await listTree(folder);
    const tar = createWriteStream(join(place, "tar"));
    await sendContext(
      "FROM scratch\n",
      [{ folder: "c/0", tree, expected: await hashTree(tree), source: "files" }],
      tar,
    );
    if (!tar.closed) await once(tar, "close");
    const script = join(__dirname, "../checker/tar_names.py");
    const output = execFileSync("python3", [script, join(place, "tar")], { maxBuffer: 1 << 30, encoding: "utf8" });
    const entries: [string, string | null][] = JSON.parse(output);
    const found = new Set(entries.map((entry) => JSON.stringify(entry)));
    const given = new Set(expected.map((entry) => JSON.stringify(entry)));
    const more = entries.filter(([path]) => path.split("/").length > 3).map((entry) => JSON.stringify(entry));
    const different = [
      ...[...given].filter((entry) => !found.has(entry)),
      ...more.filter((entry) => !given.has(entry)),
    ];
    return { files: count - Math.ceil(count / 4), links: Math.ceil(count / 4), different };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function take(random: Random, isFit: (text: string) => boolean): string {
  for (;;) {
    const text = hostileText(random);
    if (isFit(text)) return text;
  }
}

/** What a file of Linux can be called, but for the names that listTree refuses. */
function isName(text: string): boolean {
  return !/[/\0]|^\.{0,2}$|^\.wh\./.test(text) && text.isWellFormed() && Buffer.byteLength(text) < 256;
}

/** What stays in the folder. */
function isTarget(text: string): boolean {
  return !/\0|^\/|\.\.|^$/.test(text) && text.isWellFormed() && Buffer.byteLength(text) < 4096;
}
