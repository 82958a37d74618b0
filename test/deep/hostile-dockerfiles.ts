import { SlipwayError } from "../../sdk/error";
import { Image } from "../../sdk/image";
import { parseDockerfile } from "../../sdk/dockerfile-parser";
import { renderDockerfile } from "../../sdk/dockerfile";
import { specOf } from "../sdk/specs";
import { readDockerfiles, type ReadDockerfile } from "./dockerfile-reader";
import { hostileText } from "./hostile-texts";
import { Random } from "./random";

export interface DockerfileRun {
  readonly texts: number;
  /** By the call. */
  readonly refused: number;
  /** By BuildKit alone: the build fails. */
  readonly broken: number;
  readonly emitted: number;
  /** BuildKit reads other instructions than the call has checked. */
  readonly different: readonly string[];
}

/** Lines that a user may well write, with a hostile text in them. */
const lines: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `RUN ${text}`,
  (text) => `ENV A=${text}`,
  (text) => `LABEL a="${text}"`,
  (text) => `RUN echo a \\\n${text}\n`,
  (text) => `ENV A=b \\\n${text} # c\nENV C=d`,
  (text) => `RUN <<EOF\n${text}\nEOF`,
  (text) => `RUN <<EOF cat ${text}\nEOF\nENV A=b`,
  (text) => `COPY <<${text} /x\na\n${text}`,
  (text) => `CMD ${text}\nEXPOSE 1`,
  (text) => `SHELL ["${text}"]`,
  (text) => `HEALTHCHECK CMD ${text}`,
];

/**
 * Gives Dockerfile lines to dockerfileCommands: what it lets pass must be, for BuildKit, those instructions that it
 * has checked, and end where the next step begins.
 */
export async function passHostileDockerfiles(options: {
  readonly seed: number;
  readonly count: number;
}): Promise<DockerfileRun> {
  const random = new Random(options.seed);
  const passed: { readonly text: string; readonly dockerfile: string }[] = [];
  const different: string[] = [];
  for (let index = 0; index < options.count; index += 1) {
    const text = random.pick(lines)(hostileText(random));
    try {
      const { steps } = Image.base("a").runCommands("first").dockerfileCommands([text]).runCommands("last").spec;
      const dockerfile = renderDockerfile(specOf(steps.flatMap((step) => ("source" in step ? [] : [step])))).text;
      passed.push({ text, dockerfile });
    } catch (error) {
      if (!(error instanceof SlipwayError) || (error.hint ?? "") === "") different.push(`${text}: ${String(error)}`);
    }
  }
  const read = await readDockerfiles(passed.map(({ dockerfile }) => dockerfile));
  let broken = 0;
  for (const [index, { text }] of passed.entries()) {
    const found = read[index] ?? {};
    if (found.error !== undefined) broken += 1;
    else if (keywordsOf(found) !== expectedKeywords(text)) {
      different.push(
        `${JSON.stringify(text.slice(0, 300))}: ${keywordsOf(found)} instead of ${expectedKeywords(text)}`,
      );
    }
  }
  const emitted = passed.length - broken;
  return { texts: options.count, refused: options.count - passed.length, broken, emitted, different };
}

function keywordsOf({ instructions = [] }: ReadDockerfile): string {
  const isLast = instructions.at(-1)?.args?.[0] === "last";
  return `${instructions.map(({ keyword }) => keyword).join(" ")}${isLast ? "" : ", and the last one changed"}`;
}

function expectedKeywords(text: string): string {
  const parsed = parseDockerfile(text);
  if (parsed.kind === "broken") return parsed.problem;
  return ["FROM", "RUN", ...parsed.instructions.map(({ keyword }) => keyword), "RUN"].join(" ");
}

/** What a run found, in one line. */
export function describeDockerfiles({ texts, refused, broken, emitted, different }: DockerfileRun): string {
  return (
    `${texts} texts in Dockerfile lines, ${refused} refused in the call, ${broken} by BuildKit, ${emitted} passed: ` +
    `${different.length} with other instructions than were checked`
  );
}
