import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderDockerfile, type DockerfileText } from "../../sdk/dockerfile";
import { SlipwayError } from "../../sdk/error";
import { Image } from "../../sdk/image";
import { FORMAT } from "../../sdk/spec";
import { hostileText } from "./hostile-texts";
import { Random } from "./random";

export interface ImportRun {
  readonly texts: number;
  readonly refused: number;
  readonly passed: number;
  /** Another value than the given one, another Dockerfile because of it, or an error that is not ours. */
  readonly different: readonly string[];
}

const DOCKERFILE = "FROM host/base:1 AS runtime\nARG VALUE=1\nENV A=${VALUE}\nFROM runtime\nRUN true\n";

/** Gives hostile texts to the options of fromDockerfile: what it lets pass reaches buildx as it is, and the file stays. */
export function passHostileImports({ seed, count }: { readonly seed: number; readonly count: number }): ImportRun {
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), "slipway-hostile-imports-"));
  const dockerfile = join(folder, "Dockerfile");
  writeFileSync(dockerfile, DOCKERFILE);
  const harmless = render(Image.fromDockerfile(dockerfile, { buildArgs: { VALUE: "x" } })).text;
  const different: string[] = [];
  let passed = 0;
  const pass = (what: string, text: string, make: () => Image, isAsGiven: (found: DockerfileText) => boolean): void => {
    try {
      const found = render(make());
      passed += 1;
      if (!isAsGiven(found)) different.push(`${what}: ${JSON.stringify(text.slice(0, 300))}`);
    } catch (error) {
      const isClear = error instanceof SlipwayError && (error.hint ?? "") !== "" && error.callSite !== undefined;
      if (!isClear) different.push(`${what}: ${JSON.stringify(text.slice(0, 300))}: ${String(error)}`);
    }
  };
  try {
    for (let index = 0; index < count; index += 1) {
      const text = hostileText(random);
      const give = (options: object) => () => Image.fromDockerfile(dockerfile, options);
      pass("value of a build argument", text, give({ buildArgs: { VALUE: text } }), (found) => {
        return found.imported?.buildArgs["VALUE"] === text && found.text === harmless;
      });
      // No text is a declared argument, nor a stage that is not counted.
      pass("name of a build argument", text, give({ buildArgs: { [text]: "1" } }), () => text === "VALUE");
      pass("target", text, give({ target: text }), ({ imported }) => imported?.target === text && text === "0");
    }
    return { texts: count, refused: 3 * count - passed, passed, different };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function render(image: Image): DockerfileText {
  const { base } = image.spec;
  if (typeof base === "string") throw new Error("this is no import");
  return renderDockerfile({
    format: FORMAT,
    platform: "linux/amd64",
    base: { ...base, reads: [], tree: "0".repeat(64) },
    images: { "docker.io/host/base:1": `sha256:${"a".repeat(64)}` },
    steps: [],
  });
}

/** What a run found, in one line. */
export function describeImports({ texts, refused, passed, different }: ImportRun): string {
  return (
    `${texts} texts in 3 options of fromDockerfile, ${refused} refused in the call, ${passed} passed: ` +
    `${different.length} with another value or another Dockerfile`
  );
}
