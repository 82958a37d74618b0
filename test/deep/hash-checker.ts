import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Image } from "../../sdk";
import { hashEntries } from "../../sdk/files";
import { baseForm, hashImage, hashPrefixes, hashSpec } from "../../sdk/hash";
import { isDockerfileBase, type ResolvedSpec } from "../../sdk/spec";
import { resolveImage } from "../sdk/specs";
import { contentOf, imageArbitrary, specArbitrary, treeArbitrary, type TreeEntry } from "./hash-inputs";

const script = join(__dirname, "../checker/slipway_hash.py");

export interface Comparison {
  readonly specs: number;
  /** Those of the specs that stand on a Dockerfile. */
  readonly imports: number;
  readonly trees: number;
  readonly folders: number;
  readonly compared: number;
  readonly differing: readonly { readonly request: string; readonly ours: string; readonly theirs: string }[];
}

export const mistakes = ["ensure_ascii", "env_order", "exec_bit", "stage_numbers", "step_order"] as const;
type Mistake = (typeof mistakes)[number];

/** One line for the checker, and what it should answer. */
interface Question {
  readonly request: object;
  readonly ours: string;
}

/**
 * Hashes random specs, images for several platforms and trees with the sdk and with the Python checker. One spec makes
 * four questions: its hash, its prefixes, an image for several platforms, a tree; of a Dockerfile there is a
 * fifth one, for what of it counts; every 20th tree is a folder on disk too.
 * @param breaking a mistake that the checker makes on purpose
 */
export async function compareHashes(
  options: { readonly seed: number; readonly count: number },
  breaking?: Mistake,
): Promise<Comparison> {
  const sampling = { seed: options.seed, numRuns: options.count };
  const specs = fc.sample(specArbitrary, sampling);
  const images = fc.sample(imageArbitrary, sampling);
  const trees = fc.sample(treeArbitrary, sampling);
  const place = realpathSync(mkdtempSync(join(tmpdir(), "slipway-checker-")));
  try {
    const folders = await askAboutFolders(
      trees.filter((_, index) => index % 20 === 0),
      place,
    );
    const questions = [
      ...specs.flatMap(askAboutSpec),
      ...images.map((request) => ({ request: { specs: request }, ours: hashImage(request) })),
      ...trees.map((entries) => ({ request: { entries }, ours: hashEntries(entries.toSorted(byPath)) })),
      ...folders,
    ];
    const answers = await askChecker(
      questions.map(({ request }) => JSON.stringify(request)),
      breaking === undefined ? [] : ["--break", breaking],
    );
    const compared = questions.map(({ request, ours }, index) => {
      return { request: JSON.stringify(request), ours, theirs: answers[index] ?? "nothing" };
    });
    const differing = compared.filter(({ ours, theirs }) => ours !== theirs);
    const imports = specs.filter(({ base }) => isDockerfileBase(base)).length;
    const counts = {
      specs: specs.length,
      imports,
      trees: trees.length,
      folders: folders.length,
      compared: compared.length,
    };
    return { ...counts, differing };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function askAboutSpec(spec: ResolvedSpec): readonly Question[] {
  return [
    { request: spec, ours: hashSpec(spec) },
    { request: { prefixesOf: spec }, ours: hashPrefixes(spec).join(" ") },
    ...(isDockerfileBase(spec.base) ? [{ request: { formOf: spec }, ours: JSON.stringify(baseForm(spec)) }] : []),
  ];
}

async function askAboutFolders(trees: readonly (readonly TreeEntry[])[], place: string): Promise<readonly Question[]> {
  const questions: Question[] = [];
  for (const [index, entries] of trees.entries()) {
    const folder = join(place, String(index));
    writeTree(folder, entries);
    const spec = await resolveImage(Image.debianSlim("3.11").addLocalDir(folder, "/app", { strategy: "copy" }), place);
    const step = spec.steps[0];
    if (step?.kind !== "copyDir") throw new Error("addLocalDir made no copyDir");
    questions.push({ request: { folder }, ours: step.tree });
  }
  return questions;
}

/** hashEntries takes entries in order, as a folder is listed; the checker sorts by itself. */
function byPath(one: TreeEntry, other: TreeEntry): number {
  return Buffer.compare(Buffer.from(one.path), Buffer.from(other.path));
}

function writeTree(folder: string, entries: readonly TreeEntry[]): void {
  mkdirSync(folder);
  for (const entry of entries) {
    const path = join(folder, entry.path);
    if (entry.type === "dir") mkdirSync(path);
    else if (entry.type === "link") symlinkSync(entry.target, path);
    else {
      writeFileSync(path, contentOf(entry));
      chmodSync(path, entry.executable ? 0o750 : 0o664);
    }
  }
}

/** The answers of the Python checker, one a request. */
export function askChecker(requests: readonly string[], args: readonly string[] = []): Promise<readonly string[]> {
  return runChecker(["stream", ...args], requests.map((request) => `${request}\n`).join("")).then((output) =>
    output.trimEnd().split("\n"),
  );
}

/** What the Python checker prints. Throws when it fails. */
export function runChecker(args: readonly string[], input: string = ""): Promise<string> {
  const child = spawn("python3", [script, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
  child.stdin.on("error", () => {}); // It ended before it read all: its exit code says so.
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => {
      const found = "python3 cannot be started. Install it (Debian: apt-get install python3)";
      reject(
        new Error(`Comparing hashes with test/checker/slipway_hash.py: ${found}, then run the test again.`, { cause }),
      );
    });
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString("utf8"));
      else
        reject(
          new Error(
            `slipway_hash.py ${args.join(" ")}: exit code ${code}\n${Buffer.concat(complaints).toString("utf8")}`,
          ),
        );
    });
  });
}
